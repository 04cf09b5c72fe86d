"""Papers, tables, addresses, letters and requests in seven languages, with what they say."""

# Typography of documents: signs that look like others.
from __future__ import annotations

import json
from typing import Any

from grok_nb._sandbox import tools

LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt"]
TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
WHOLE: dict[str, Any] = {"type": "integer"}
DATE: dict[str, Any] = {"type": "string", "format": "date"}
EMAIL: dict[str, Any] = {"type": "string", "format": "email"}
TRUTH: dict[str, Any] = {"type": "boolean"}
CLOCK: dict[str, Any] = {"type": "string", "description": "HH:MM, 24 hours"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
EMAILS: dict[str, Any] = {"type": "array", "items": EMAIL}


def one_of(options: str) -> dict[str, Any]:
    return {"type": "string", "enum": options.split("|")}


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if schema["type"] == "array":
        return schema
    about = {k: v for k, v in schema.items() if k == "description"}
    return {**about, "anyOf": [schema, {"type": "null"}]}


def thing(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


Row = tuple[str, dict[str, Any], list[str], list[str], list[Any]]


def row(key: str, schema: dict[str, Any], labels: str, texts: str, value: Any) -> Row:
    """A field: its label and text by language, one text for all if they agree."""
    written = texts.split(";;")
    each = isinstance(value, list) and schema["type"] != "array"
    return (
        key,
        schema,
        labels.split(";"),
        written * (7 if len(written) == 1 else 1),
        value if each else [value] * 7,
    )


YES = "Yes;;Ja;;Oui;;Sí;;Sì;;Ja;;Sim"
NO = "No;;Nein;;Non;;No;;No;;Nee;;Não"
PAPERS: dict[str, list[Row]] = {
    "receipt": [
        row(
            "server",
            TEXT,
            "Your server today;Es bediente Sie;Servi par;Le atendió;Servito da;U werd geholpen door;Atendido por",
            "Clara Winter",
            "Clara Winter",
        ),
        row(
            "date",
            DATE,
            "Date;Datum;Date;Fecha;Data;Datum;Data",
            "12/05/2026",
            "2026-05-12",
        ),
        row(
            "time",
            CLOCK,
            "Time;Uhrzeit;Heure;Hora;Ora;Tijd;Hora",
            "7:45 pm;;19:45;;19h45;;19:45;;19:45;;19.45;;19h45",
            "19:45",
        ),
        row(
            "tip",
            NUMBER,
            "Tip;Trinkgeld;Pourboire;Propina;Mancia;Fooi;Gorjeta",
            "3,50",
            3.5,
        ),
        row(
            "change",
            NUMBER,
            "Change;Rückgeld;Rendu;Cambio;Resto;Wisselgeld;Troco",
            "1.20",
            1.2,
        ),
        row(
            "payment_method",
            one_of("cash|card|transfer"),
            "Payment method;Zahlungsart;Mode de paiement;Forma de pago;Metodo di pagamento;Betaalmethode;Forma de pagamento",
            "Visa **** 1234;;Barzahlung;;Espèces;;Tarjeta;;Contanti;;Overschrijving;;Dinheiro",
            ["card", "cash", "cash", "card", "cash", "transfer", "cash"],
        ),
        row(
            "total",
            NUMBER,
            "Total;Gesamtbetrag;Total TTC;Total a pagar;Totale;Totaal;Total",
            "45.90",
            45.9,
        ),
    ],
    "lab": [
        row(
            "patient_name",
            TEXT,
            "Patient;Patient;Patient;Paciente;Paziente;Patiënt;Paciente",
            "Jonas Behr",
            "Jonas Behr",
        ),
        row(
            "physician",
            TEXT,
            "Ordering physician;Behandelnder Arzt;Médecin prescripteur;Médico solicitante;Medico richiedente;Aanvragend arts;Médico",
            "Dr. Ida Falk",
            "Dr. Ida Falk",
        ),
        row(
            "sample_date",
            DATE,
            "Sampled on;Entnommen am;Prélevé le;Fecha de toma;Prelievo;Afgenomen op;Colhido em",
            "3 March 2026;;3. März 2026;;3 mars 2026;;3 de marzo de 2026;;3 marzo 2026;;3 maart 2026;;3 de março de 2026",
            "2026-03-03",
        ),
        row(
            "report_date",
            DATE,
            "Reported;Befund vom;Compte rendu du;Fecha del informe;Data del referto;Rapportdatum;Data do relatório",
            "2026-03-05",
            "2026-03-05",
        ),
        row(
            "patient_id",
            TEXT,
            "MRN;Patienten-Nr.;N° de dossier;Historia clínica;Cartella clinica;Patiëntnummer;Processo clínico",
            "P-88213",
            "P-88213",
        ),
        row(
            "fasting",
            TRUTH,
            "Fasting?;Nüchtern;À jeun;En ayunas;A digiuno;Nuchter;Em jejum",
            YES,
            True,
        ),
    ],
    "ticket": [
        row(
            "ticket_id",
            TEXT,
            "Case;Ticket-Nr.;N° de ticket;Incidencia;Segnalazione;Zaaknummer;Chamado",
            "TK-4471",
            "TK-4471",
        ),
        row(
            "requester",
            TEXT,
            "Raised by;Gemeldet von;Demandeur;Solicitante;Richiedente;Aanvrager;Solicitado por",
            "Nils Okoye",
            "Nils Okoye",
        ),
        row(
            "assignee",
            TEXT,
            "Assigned to;Zugewiesen an;Assigné à;Asignado a;Assegnato a;Toegewezen aan;Atribuído a",
            "Mara Silva",
            "Mara Silva",
        ),
        row(
            "priority",
            one_of("low|medium|high|critical"),
            "Priority;Priorität;Priorité;Prioridad;Priorità;Prioriteit;Prioridade",
            "urgent;;hoch;;moyenne;;baja;;alta;;laag;;média",
            ["critical", "high", "medium", "low", "high", "low", "medium"],
        ),
        row(
            "status",
            one_of("open|in_progress|resolved|closed"),
            "Status;Status;Statut;Estado;Stato;Status;Situação",
            "being worked on;;gelöst;;en cours;;cerrado;;aperto;;opgelost;;em andamento",
            [
                "in_progress",
                "resolved",
                "in_progress",
                "closed",
                "open",
                "resolved",
                "in_progress",
            ],
        ),
        row(
            "opened_on",
            DATE,
            "Opened;Eröffnet am;Ouvert le;Abierto el;Aperto il;Geopend op;Aberto em",
            "04/06/2026;;04.06.2026;;04/06/2026;;04/06/2026;;04/06/2026;;04-06-2026;;04/06/2026",
            "2026-06-04",
        ),
        row(
            "escalated",
            TRUTH,
            "Escalated;Eskaliert;Escaladé;Escalado;Escalato;Geëscaleerd;Escalado",
            NO,
            False,
        ),
    ],
    "flat": [
        row(
            "property_type",
            one_of("apartment|house|studio|land"),
            "Type of property;Objektart;Type de bien;Tipo de inmueble;Tipologia;Soort woning;Tipo de imóvel",
            "flat;;Einfamilienhaus;;maison;;piso;;monolocale;;appartement;;moradia",
            [
                "apartment",
                "house",
                "house",
                "apartment",
                "studio",
                "apartment",
                "house",
            ],
        ),
        row(
            "asking_price",
            NUMBER,
            "Asking price;Kaufpreis;Prix demandé;Precio de venta;Prezzo richiesto;Vraagprijs;Preço de venda",
            "€ 320.000;;320.000 €;;320 000 €;;320.000 €;;320.000 €;;€ 320.000;;320.000 €",
            320000,
        ),
        row(
            "area_m2",
            NUMBER,
            "Living area;Wohnfläche;Surface habitable;Superficie;Superficie;Woonoppervlakte;Área útil",
            "84.5 m²;;84,5 m²;;84,5 m²;;84,5 m²;;84,5 m²;;84,5 m²;;84,5 m²",
            84.5,
        ),
        row(
            "rooms",
            WHOLE,
            "Rooms;Zimmer;Pièces;Habitaciones;Locali;Kamers;Quartos",
            "3",
            3,
        ),
        row(
            "available_from",
            DATE,
            "Available from;Bezugsfrei ab;Disponible le;Disponible desde;Disponibile da;Beschikbaar vanaf;Disponível a partir de",
            "2026-09-01",
            "2026-09-01",
        ),
        row(
            "agent",
            TEXT,
            "Listing agent;Makler;Agent immobilier;Agente inmobiliario;Agente immobiliare;Makelaar;Agente imobiliário",
            "Petra Lind",
            "Petra Lind",
        ),
        row(
            "furnished",
            TRUTH,
            "Furnished;Möbliert;Meublé;Amueblado;Arredato;Gemeubileerd;Mobilado",
            YES,
            True,
        ),
        row(
            "features",
            TEXTS,
            "Features;Ausstattung;Équipements;Características;Caratteristiche;Kenmerken;Comodidades",
            "Balcony · Cellar · Lift",
            ["Balcony", "Cellar", "Lift"],
        ),
    ],
    "event": [
        row(
            "title",
            TEXT,
            "Event;Veranstaltung;Événement;Evento;Evento;Evenement;Evento",
            "Night of the Cellos",
            "Night of the Cellos",
        ),
        row(
            "venue",
            TEXT,
            "Venue;Ort;Lieu;Lugar;Luogo;Locatie;Local",
            "Kulturhaus Mitte",
            "Kulturhaus Mitte",
        ),
        row(
            "date",
            DATE,
            "When;Wann;Quand;Cuándo;Quando;Wanneer;Quando",
            "2026-10-04",
            "2026-10-04",
        ),
        row(
            "doors_open",
            CLOCK,
            "Doors;Einlass;Ouverture des portes;Apertura de puertas;Apertura porte;Deuren open;Abertura das portas",
            "6:30 pm;;18:30 Uhr;;18h30;;18:30;;18:30;;18.30;;18h30",
            "18:30",
        ),
        row(
            "admission",
            NUMBER,
            "Admission;Eintritt;Entrée;Entrada general;Ingresso;Toegang;Bilhete",
            "12,00 €",
            12,
        ),
        row(
            "organizer",
            TEXT,
            "Organised by;Veranstalter;Organisateur;Organizador;Organizzatore;Organisator;Organizador",
            "Forum Klang e.V.",
            "Forum Klang e.V.",
        ),
        row(
            "seats",
            WHOLE,
            "Seats;Sitzplätze;Places assises;Plazas;Posti;Zitplaatsen;Lugares",
            "240",
            240,
        ),
    ],
    "parcel": [
        row(
            "carrier",
            TEXT,
            "Shipped via;Versanddienst;Transporteur;Transportista;Corriere;Vervoerder;Transportadora",
            "Norlog Express",
            "Norlog Express",
        ),
        row(
            "tracking_number",
            TEXT,
            "Tracking;Sendungsnummer;N° de suivi;Número de seguimiento;Numero di tracking;Zendingnummer;Código de rastreio",
            "NX 4471 2093",
            "NX 4471 2093",
        ),
        row(
            "weight_kg",
            NUMBER,
            "Weight;Gewicht;Poids;Peso;Peso;Gewicht;Peso",
            "2.4 kg;;2,4 kg;;2,4 kg;;2,4 kg;;2,4 kg;;2,4 kg;;2,4 kg",
            2.4,
        ),
        row(
            "parcels",
            WHOLE,
            "Parcels;Pakete;Colis;Bultos;Colli;Pakketten;Volumes",
            "3",
            3,
        ),
        row(
            "recipient",
            TEXT,
            "Recipient;Empfänger;Destinataire;Destinatario;Destinatario;Ontvanger;Destinatário",
            "Oskar Bau",
            "Oskar Bau",
        ),
        row(
            "delivery_date",
            DATE,
            "Expected delivery;Voraussichtliche Lieferung;Livraison prévue;Entrega prevista;Consegna prevista;Verwachte levering;Entrega prevista",
            "2026-04-09",
            "2026-04-09",
        ),
        row(
            "insured",
            TRUTH,
            "Insured;Versichert;Assuré;Asegurado;Assicurato;Verzekerd;Segurado",
            NO,
            False,
        ),
    ],
    "job": [
        row(
            "employee",
            TEXT,
            "Employee;Arbeitnehmerin;Salariée;Trabajadora;Dipendente;Werknemer;Trabalhador",
            "Eva Roth",
            "Eva Roth",
        ),
        row(
            "employer",
            TEXT,
            "Employer;Arbeitgeber;Employeur;Empleador;Datore di lavoro;Werkgever;Empregador",
            "Lumen GmbH",
            "Lumen GmbH",
        ),
        row(
            "contract_type",
            one_of("permanent|fixed_term|internship"),
            "Contract;Vertragsart;Type de contrat;Tipo de contrato;Tipo di contratto;Soort contract;Tipo de contrato",
            "open-ended;;befristet;;CDI;;indefinido;;tempo determinato;;vast;;sem termo",
            [
                "permanent",
                "fixed_term",
                "permanent",
                "permanent",
                "fixed_term",
                "permanent",
                "permanent",
            ],
        ),
        row(
            "start_date",
            DATE,
            "Start date;Beginn;Début;Inicio;Inizio;Ingangsdatum;Início",
            "2026-07-01",
            "2026-07-01",
        ),
        row(
            "salary",
            NUMBER,
            "Salary;Gehalt;Salaire;Salario;Stipendio;Salaris;Salário",
            "3,200.00 EUR;;3.200,00 EUR;;3 200,00 EUR;;3.200,00 EUR;;3.200,00 EUR;;3.200,00 EUR;;3.200,00 EUR",
            3200,
        ),
        row(
            "job_title",
            TEXT,
            "Position;Stelle;Poste;Puesto;Mansione;Functie;Função",
            "Data Engineer",
            "Data Engineer",
        ),
    ],
    "meeting": [
        row(
            "attendees",
            TEXTS,
            "Attendees;Teilnehmer;Présents;Asistentes;Partecipanti;Aanwezigen;Participantes",
            "Ann Lee, Bo Rey and Cy Dent;;Ann Lee, Bo Rey und Cy Dent;;Ann Lee, Bo Rey et Cy Dent;;Ann Lee, Bo Rey y Cy Dent;;Ann Lee, Bo Rey e Cy Dent;;Ann Lee, Bo Rey en Cy Dent;;Ann Lee, Bo Rey e Cy Dent",
            ["Ann Lee", "Bo Rey", "Cy Dent"],
        ),
        row(
            "chair",
            TEXT,
            "Chair;Vorsitz;Présidence;Presidencia;Presidenza;Voorzitter;Presidência",
            "Bo Rey",
            "Bo Rey",
        ),
        row(
            "next_meeting",
            DATE,
            "Next meeting;Nächste Sitzung;Prochaine réunion;Próxima reunión;Prossima riunione;Volgende vergadering;Próxima reunião",
            "2026-05-20",
            "2026-05-20",
        ),
        row(
            "date",
            DATE,
            "Date;Datum;Date;Fecha;Data;Datum;Data",
            "2026-05-06",
            "2026-05-06",
        ),
    ],
    "review": [
        row(
            "reviewer",
            TEXT,
            "Review by;Bewertet von;Avis de;Reseña de;Recensione di;Recensie van;Avaliado por",
            "Kim Park",
            "Kim Park",
        ),
        row(
            "rating",
            WHOLE,
            "Rating;Bewertung;Note attribuée;Puntuación;Valutazione;Beoordeling;Avaliação",
            "4/5;;★★★★☆;;4 / 5;;4 de 5;;4 su 5;;4 van 5;;4/5",
            4,
        ),
        row(
            "product",
            TEXT,
            "Product;Produkt;Produit;Producto;Prodotto;Product;Produto",
            "Kettle K2",
            "Kettle K2",
        ),
        row(
            "recommended",
            TRUTH,
            "Would recommend;Empfehlung;Recommandé;Recomendado;Consigliato;Aanbevolen;Recomendado",
            "No;;Nein;;Non;;No;;No;;Nee;;Não",
            False,
        ),
    ],
}

TABLES: dict[str, tuple[str, dict[str, Any], dict[str, str], list[list[Any]]]] = {
    "actions": (
        "action_items",
        {"task": TEXT, "owner": TEXT, "due_date": DATE},
        {
            "en": "Task|Owner|Due",
            "de": "Aufgabe|Verantwortlich|Fällig",
            "fr": "Action|Responsable|Échéance",
            "es": "Tarea|Responsable|Fecha límite",
            "it": "Attività|Responsabile|Scadenza",
            "nl": "Taak|Eigenaar|Deadline",
            "pt": "Tarefa|Responsável|Prazo",
        },
        [
            ["Draft the budget", "Ann Lee", "2026-05-02"],
            ["Book the room", "Bo Rey", "2026-05-09"],
            ["Call the printer", "Cy Dent", "2026-05-11"],
        ],
    ),
    "actions2": (
        "actions",
        {"what": TEXT, "who": TEXT, "by_when": DATE},
        {
            "en": "What|Who|By when",
            "de": "Was|Wer|Bis wann",
            "fr": "Quoi|Qui|Pour le",
            "es": "Qué|Quién|Cuándo",
            "it": "Cosa|Chi|Quando",
            "nl": "Wat|Wie|Wanneer",
            "pt": "O quê|Quem|Quando",
        },
        [
            ["Draft the budget", "Ann Lee", "2026-05-02"],
            ["Book the room", "Bo Rey", "2026-05-09"],
            ["Call the printer", "Cy Dent", "2026-05-11"],
        ],
    ),
    "lab": (
        "results",
        {"test": TEXT, "value": NUMBER, "unit": TEXT},
        {
            "en": "Test|Result|Unit",
            "de": "Untersuchung|Ergebnis|Einheit",
            "fr": "Analyse|Résultat|Unité",
            "es": "Análisis|Resultado|Unidad",
            "it": "Esame|Risultato|Unità",
            "nl": "Bepaling|Uitslag|Eenheid",
            "pt": "Exame|Resultado|Unidade",
        },
        [
            ["Glucose", 5.4, "mmol/L"],
            ["Haemoglobin", 13.8, "g/dL"],
            ["Ferritin", 88, "µg/L"],
        ],
    ),
    "lab3": (
        "measurements",
        {
            "analyte": TEXT,
            "result": NUMBER,
            "unit": nullable(TEXT),
            "reference_range": nullable(TEXT),
        },
        {
            "en": "Analyte|Value|Units|Reference range",
            "de": "Parameter|Messwert|Einheit|Referenzbereich",
            "fr": "Paramètre|Valeur|Unité|Valeurs de référence",
            "es": "Parámetro|Valor|Unidad|Valores de referencia",
            "it": "Parametro|Valore|Unità|Valori di riferimento",
            "nl": "Parameter|Waarde|Eenheid|Referentiewaarden",
            "pt": "Parâmetro|Valor|Unidade|Valores de referência",
        },
        [
            ["Glucose", 5.4, "mmol/L", "3.9-5.6"],
            ["Haemoglobin", 13.8, "g/dL", "12.0-16.0"],
            ["Ferritin", 88, "µg/L", "15-150"],
        ],
    ),
    "order": (
        "items",
        {"description": TEXT, "quantity": WHOLE, "unit_price": NUMBER},
        {
            "en": "Article|Qty|Unit price|Total",
            "de": "Bezeichnung|Menge|Einzelpreis|Gesamt",
            "fr": "Désignation|Qté|Prix unitaire|Total",
            "es": "Artículo|Cantidad|Precio|Importe",
            "it": "Articolo|Quantità|Prezzo|Importo",
            "nl": "Omschrijving|Aantal|Prijs|Bedrag",
            "pt": "Artigo|Qtd|Preço|Valor",
        },
        [
            ["Desk lamp", 2, 24.5, 49.0],
            ["Oak shelf", 3, 80.0, 240.0],
            ["Cable set", 10, 3.2, 32.0],
        ],
    ),
    "receipt": (
        "items",
        {"name": TEXT, "quantity": WHOLE, "price": NUMBER},
        {
            "en": "Item|Count|Each|Amount",
            "de": "Artikel|Anzahl|Preis/Stück|Betrag",
            "fr": "Article|Quantité|PU|Montant",
            "es": "Producto|Uds|P. unitario|Total",
            "it": "Prodotto|Q.tà|Prezzo unit.|Totale",
            "nl": "Product|Stuks|Stukprijs|Totaal",
            "pt": "Produto|Quant.|Preço unit.|Total",
        },
        [
            ["Soup of day", 2, 6.5, 13.0],
            ["Risotto", 1, 14.0, 14.0],
            ["Espresso", 3, 2.2, 6.6],
        ],
    ),
    "people": (
        "attendees",
        {"name": TEXT, "role": TEXT, "email": TEXT},
        {
            "en": "Name|Role|Email",
            "de": "Name|Rolle|E-Mail",
            "fr": "Nom|Fonction|Courriel",
            "es": "Nombre|Cargo|Correo",
            "it": "Nome|Ruolo|Email",
            "nl": "Naam|Functie|E-mail",
            "pt": "Nome|Função|E-mail",
        },
        [
            ["Ann Lee", "Chair", "ann@x.org"],
            ["Bo Rey", "Clerk", "bo@x.org"],
            ["Cy Dent", "Guest", "cy@x.org"],
        ],
    ),
    "legs": (
        "flights",
        {
            "flight_number": TEXT,
            "origin": TEXT,
            "destination": TEXT,
            "departure_time": TEXT,
        },
        {
            "en": "Flight|From|To|Departs",
            "de": "Flug|Von|Nach|Abflug",
            "fr": "Vol|De|À|Départ",
            "es": "Vuelo|Origen|Destino|Salida",
            "it": "Volo|Da|A|Partenza",
            "nl": "Vlucht|Van|Naar|Vertrek",
            "pt": "Voo|De|Para|Partida",
        },
        [
            ["LX 318", "Zurich", "London", "07:15"],
            ["BA 117", "London", "New York", "11:40"],
        ],
    ),
}

HOME = thing(
    **{
        key: nullable(TEXT)
        for key in ("street", "city", "state", "postal_code", "country")
    }
)


def home(*parts: str | None) -> dict[str, str | None]:
    return dict(
        zip(("street", "city", "state", "postal_code", "country"), parts, strict=True)
    )


ADDRESSES = [
    (
        "418 Larch Road, Apt 6, Dayton, OH 45402, USA",
        home("418 Larch Road, Apt 6", "Dayton", "OH", "45402", "USA"),
    ),
    (
        "77 Hill Ave Suite 210, Fargo, ND 58102",
        home("77 Hill Ave Suite 210", "Fargo", "ND", "58102", None),
    ),
    (
        "12 bis rue des Lilas, 69003 Lyon, France",
        home("12 bis rue des Lilas", "Lyon", None, "69003", "France"),
    ),
    (
        "Gartenweg 9, 8004 Zürich, Schweiz",
        home("Gartenweg 9", "Zürich", None, "8004", "Schweiz"),
    ),
    ("Am Anger 14a, 99084 Erfurt", home("Am Anger 14a", "Erfurt", None, "99084", None)),
    (
        "22 Mill Lane, Leeds LS1 4AP, United Kingdom",
        home("22 Mill Lane", "Leeds", None, "LS1 4AP", "United Kingdom"),
    ),
    (
        "22 Mill Lane, Leeds, LS1 4AP",
        home("22 Mill Lane", "Leeds", None, "LS1 4AP", None),
    ),
    (
        "Calle Mayor 5, 3º B, 28013 Madrid, España",
        home("Calle Mayor 5, 3º B", "Madrid", None, "28013", "España"),
    ),
    (
        "Via Roma 12, 20121 Milano, Italia",
        home("Via Roma 12", "Milano", None, "20121", "Italia"),
    ),
    (
        "Keizersgracht 10, 1015 CN Amsterdam, Nederland",
        home("Keizersgracht 10", "Amsterdam", None, "1015 CN", "Nederland"),
    ),
]
LABELS = [
    "Delivery address",
    "Lieferadresse",
    "Adresse de livraison",
    "Dirección de entrega",
    "Indirizzo di consegna",
    "Bezorgadres",
    "Endereço de entrega",
    "Ship to",
]
MAIL = {
    "en": "From|To|Cc|Date|Subject|Attachments",
    "de": "Von|An|Kopie|Gesendet|Betreff|Anlagen",
    "fr": "De|À|Cc|Date|Objet|Pièces jointes",
    "es": "De|Para|CC|Fecha|Asunto|Adjuntos",
    "it": "Da|A|Cc|Data|Oggetto|Allegati",
    "nl": "Van|Aan|Cc|Datum|Onderwerp|Bijlagen",
    "pt": "De|Para|Cc|Data|Assunto|Anexos",
}


MOOD = one_of("positive|neutral|negative")
SAID: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "We received invoice NX-204 from Lumen Works Ltd dated 4 May 2026. The total is EUR 1,240.50, payable by 3 June 2026.",
        {
            "invoice_number": TEXT,
            "vendor": TEXT,
            "invoice_date": DATE,
            "total": NUMBER,
            "due_date": DATE,
            "currency": TEXT,
        },
        {
            "invoice_number": "NX-204",
            "vendor": "Lumen Works Ltd",
            "invoice_date": "2026-05-04",
            "total": 1240.5,
            "due_date": "2026-06-03",
            "currency": "EUR",
        },
    ),
    (
        "The parcel, sent with Norlog Express on 2 April 2026, arrives on 6 April 2026 at 3 pm.",
        {"carrier": TEXT, "arrival_date": DATE, "arrival_time": CLOCK},
        {
            "carrier": "Norlog Express",
            "arrival_date": "2026-04-06",
            "arrival_time": "15:00",
        },
    ),
    (
        "Yesterday I paid 12.50 EUR to Bakery Kern by card.",
        {"amount": NUMBER, "payee": TEXT, "vendor": TEXT},
        {"amount": 12.5, "vendor": "Bakery Kern"},
    ),
    (
        "Nous avons reçu la facture F-221 de la société Lumen SARL, d'un montant de 340,00 €, à régler avant le 1er juin 2026.",
        {"invoice_number": TEXT, "vendor": TEXT, "total": NUMBER, "due_date": DATE},
        {
            "invoice_number": "F-221",
            "vendor": "Lumen SARL",
            "total": 340.0,
            "due_date": "2026-06-01",
        },
    ),
    (
        "Am 5. Mai 2026 haben Ann Lee, Bo Rey und Cy Dent an der Sitzung teilgenommen.",
        {"date": DATE, "attendees": TEXTS},
        {"date": "2026-05-05", "attendees": ["Ann Lee", "Bo Rey", "Cy Dent"]},
    ),
    (
        "The meeting on 5 May 2026 was attended by Ann Lee, Bo Rey and Cy Dent. We will meet again on 12 May 2026.",
        {"date": DATE, "attendees": TEXTS, "next_meeting": DATE},
        {
            "date": "2026-05-05",
            "attendees": ["Ann Lee", "Bo Rey", "Cy Dent"],
            "next_meeting": "2026-05-12",
        },
    ),
    (
        "I love this kettle. Works great and looks beautiful. 5 stars!",
        {"sentiment": MOOD, "rating": WHOLE},
        {"sentiment": "positive", "rating": 5},
    ),
    (
        "Leider sehr enttäuscht: nach zwei Tagen kaputt, schlecht verarbeitet. 1/5",
        {"sentiment": MOOD, "rating": WHOLE},
        {"sentiment": "negative", "rating": 1},
    ),
    (
        "MwSt. 19 %: 38,00 €\nGesamt: 238,00 €",
        {"tax_rate": NUMBER, "tax_amount": NUMBER, "total": NUMBER},
        {"tax_rate": 19, "tax_amount": 38.0, "total": 238.0},
    ),
    (
        "VAT (20%)   £40.00\nTotal   £240.00",
        {"vat_rate": NUMBER, "vat": NUMBER, "total": NUMBER},
        {"vat_rate": 20, "vat": 40.0, "total": 240.0},
    ),
    (
        "VAT rate: 20 %   VAT: £40.00",
        {"vat_rate": NUMBER, "vat_amount": NUMBER},
        {"vat_rate": 20, "vat_amount": 40.0},
    ),
    (
        "Subtotal: 100,00\nRemise: (10,00)\nTotal: 90,00",
        {"subtotal": NUMBER, "discount": NUMBER, "total": NUMBER},
        {"subtotal": 100.0, "total": 90.0},
    ),
    (
        "[x] Breakfast included\n[ ] Parking\n[x] Pets allowed",
        {"breakfast_included": TRUTH, "parking": TRUTH, "pets_allowed": TRUTH},
        {"breakfast_included": True, "parking": False, "pets_allowed": True},
    ),
    (
        "Parking ✗\nBreakfast ✓",
        {"breakfast_included": TRUTH, "parking": TRUTH},
        {"breakfast_included": True, "parking": False},
    ),
    (
        "Haustiere erlaubt? Nein\nFrühstück: inklusive",
        {"breakfast_included": TRUTH, "pets_allowed": TRUTH},
        {"breakfast_included": True, "pets_allowed": False},
    ),
    (
        "Check-in: 3 May 2026, from 3 pm\nCheck-out: 6 May 2026, until 11 am\nNights: 3\nGuests: 2 adults\nGuest name: Ida Falk\nBooking no.: HB-22871",
        {
            "check_in": DATE,
            "check_out": DATE,
            "nights": WHOLE,
            "guests": WHOLE,
            "guest_name": TEXT,
            "booking_reference": TEXT,
            "check_in_time": CLOCK,
        },
        {
            "check_in": "2026-05-03",
            "check_out": "2026-05-06",
            "nights": 3,
            "guests": 2,
            "guest_name": "Ida Falk",
            "booking_reference": "HB-22871",
            "check_in_time": "15:00",
        },
    ),
    (
        "NOTICE OF HIRE\n\nAcme Inc., Dayton\nRegistered 1998, licence 5512-99",
        {
            "invoice_number": TEXT,
            "tracking_number": TEXT,
            "patient_id": TEXT,
            "discount": NUMBER,
            "next_meeting": DATE,
        },
        {
            "invoice_number": None,
            "tracking_number": None,
            "patient_id": None,
            "discount": None,
            "next_meeting": None,
        },
    ),
    (
        "Receipt\nDate: 2026-03-03\nTotal: 9.90\nRef. 8812/77",
        {
            "patient_id": TEXT,
            "invoice_number": TEXT,
            "tracking_number": TEXT,
            "due_date": DATE,
            "next_meeting": DATE,
            "closing_date": DATE,
            "discount": NUMBER,
            "tip": NUMBER,
        },
        {
            "patient_id": None,
            "invoice_number": None,
            "tracking_number": None,
            "due_date": None,
            "next_meeting": None,
            "closing_date": None,
            "discount": None,
            "tip": None,
        },
    ),
    (
        "Hallo zusammen,\n\nich wurde heute von Clara Winter bedient. Die Rechnung über 45,90 € habe ich mit Karte bezahlt.",
        {"server": TEXT, "total": NUMBER, "payment_method": one_of("cash|card")},
        {"server": "Clara Winter", "total": 45.9, "payment_method": "card"},
    ),
    (
        "Your order SO-9912 shipped with Norlog on 3 May 2026 and will arrive on 6 May 2026.",
        {
            "order_number": TEXT,
            "carrier": TEXT,
            "delivery_date": DATE,
            "shipped_on": DATE,
        },
        {
            "order_number": "SO-9912",
            "carrier": "Norlog",
            "delivery_date": "2026-05-06",
            "shipped_on": "2026-05-03",
        },
    ),
    (
        "Votre commande CM-881 sera livrée le 6 mai 2026 entre 9h30 et 12h00.",
        {"order_number": TEXT, "delivery_date": DATE},
        {"order_number": "CM-881", "delivery_date": "2026-05-06"},
    ),
    (
        "Su pedido P-771 llegará el 6 de mayo de 2026. Total: 88,00 €",
        {"order_number": TEXT, "delivery_date": DATE, "total": NUMBER},
        {"order_number": "P-771", "delivery_date": "2026-05-06", "total": 88.0},
    ),
    (
        "The concert starts at 7:30 pm, doors open at 6:45 pm. Tickets cost 18 EUR.",
        {"start_time": CLOCK, "doors_open": CLOCK, "ticket_price": NUMBER},
        {"start_time": "19:30", "doors_open": "18:45", "ticket_price": 18},
    ),
    (
        "Das Konzert beginnt um 19:30 Uhr, Einlass ist ab 18:45 Uhr. Der Eintritt kostet 18 Euro.",
        {"start_time": CLOCK, "doors_open": CLOCK, "admission": NUMBER},
        {"start_time": "19:30", "doors_open": "18:45", "admission": 18},
    ),
    (
        "The flat has 3 rooms and 84.5 m², costs 320,000 EUR and is available from 1 September 2026. It is furnished.",
        {
            "rooms": WHOLE,
            "area_m2": NUMBER,
            "price": NUMBER,
            "available_from": DATE,
            "furnished": TRUTH,
        },
        {
            "rooms": 3,
            "area_m2": 84.5,
            "price": 320000,
            "available_from": "2026-09-01",
            "furnished": True,
        },
    ),
    (
        "Die Wohnung hat 3 Zimmer und 84,5 m², kostet 320.000 € und ist ab 1. September 2026 verfügbar.",
        {"rooms": WHOLE, "area_m2": NUMBER, "price": NUMBER, "available_from": DATE},
        {"rooms": 3, "area_m2": 84.5, "price": 320000, "available_from": "2026-09-01"},
    ),
    (
        "El cliente, Juan Pardo, informó el 3 de marzo de 2026. Asignado a Mara Silva. Prioridad alta.",
        {"customer": TEXT, "assignee": TEXT, "priority": one_of("low|high")},
        {"assignee": "Mara Silva", "priority": "high"},
    ),
    (
        "Ticket TK-12 was opened by Nils Okoye on 4 June 2026 and assigned to Mara Silva. It is urgent.",
        {
            "ticket_id": TEXT,
            "requester": TEXT,
            "assignee": TEXT,
            "opened_on": DATE,
            "priority": one_of("low|high|urgent"),
        },
        {
            "ticket_id": "TK-12",
            "requester": "Nils Okoye",
            "assignee": "Mara Silva",
            "opened_on": "2026-06-04",
            "priority": "urgent",
        },
    ),
    (
        "Teilnehmende:\n- Ann Lee\n- Bo Rey\n\nThemen: Budget · Raum · Termine",
        {"attendees": TEXTS, "topics": TEXTS},
        {"attendees": ["Ann Lee", "Bo Rey"], "topics": ["Budget", "Raum", "Termine"]},
    ),
    (
        "| Campo | Valor |\n|---|---|\n| Asistentes | Ann Lee; Bo Rey |\n| Alergias | nueces, leche y huevo |",
        {"attendees": TEXTS, "allergies": TEXTS},
        {"attendees": ["Ann Lee", "Bo Rey"], "allergies": ["nueces", "leche", "huevo"]},
    ),
    (
        "Skills: Python, SQL and Go",
        {"skills": TEXTS, "tags": TEXTS},
        {"skills": ["Python", "SQL", "Go"], "tags": []},
    ),
    (
        "CITY CLINIC\nPatient: Dr. Jonas A. Behr, Jr.\nPhysician: Dr. Ida Falk, MD\n",
        {"patient": TEXT, "physician": TEXT},
        {"patient": "Dr. Jonas A. Behr, Jr.", "physician": "Dr. Ida Falk, MD"},
    ),
    ("Nachlass: 12,00 €", {"discount": NUMBER}, {"discount": 12.0}),
    (
        "Sconto   -12,00 €\nIVA 22%   26,40 €\nTotale   134,40 €",
        {"discount": NUMBER, "tax": NUMBER, "tax_rate": NUMBER, "total": NUMBER},
        {"discount": -12.0, "tax": 26.4, "tax_rate": 22, "total": 134.4},
    ),
    ("Rating: ★★★☆☆ (3 of 5)", {"rating": WHOLE}, {"rating": 3}),
    ("Rating: 4.5/5", {"rating": NUMBER}, {"rating": 4.5}),
    (
        "Interest rate: 3.75 %\nDown payment: 20,000 EUR",
        {"interest_rate": NUMBER, "down_payment": NUMBER},
        {"interest_rate": 3.75, "down_payment": 20000},
    ),
    (
        "MEETING NOTES\nPresent: Ann Lee, Bo Rey\nApologies: Cy Dent\nNext meeting: 12 May 2026, 2 pm, Room 4",
        {
            "attendees": TEXTS,
            "absent": TEXTS,
            "next_meeting": DATE,
            "next_meeting_time": CLOCK,
        },
        {
            "attendees": ["Ann Lee", "Bo Rey"],
            "absent": ["Cy Dent"],
            "next_meeting": "2026-05-12",
            "next_meeting_time": "14:00",
        },
    ),
    (
        "Is the item in stock? No\nFragile? Yes",
        {"in_stock": TRUTH, "fragile": TRUTH},
        {"in_stock": False, "fragile": True},
    ),
    (
        "Signature required: ja\nInsured: nein",
        {"signature_required": TRUTH, "insured": TRUTH},
        {"signature_required": True, "insured": False},
    ),
]


def tool(name: str, about: str, required: str, **properties: Any) -> tools.Tool:
    schema = {"type": "object", "properties": properties, "required": required.split()}
    return tools.Tool(name, about, json.dumps(schema))


ALL = (
    tool(
        "get_weather",
        "Current weather of a city",
        "city",
        city=TEXT,
        unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
    ),
    tool(
        "get_stock_price",
        "Latest price of a stock",
        "symbol",
        symbol={**TEXT, "description": "Ticker"},
    ),
    tool(
        "convert_currency",
        "Convert an amount of money from one currency to another",
        "amount from_currency to_currency",
        amount=NUMBER,
        from_currency=TEXT,
        to_currency=TEXT,
    ),
    tool(
        "send_email",
        "Send an e-mail",
        "to body",
        to={**TEXT, "description": "E-mail address"},
        subject=TEXT,
        body=TEXT,
    ),
    tool(
        "set_alarm",
        "Set an alarm at a time",
        "time",
        time=CLOCK,
        label={**TEXT, "description": "What the alarm is for"},
    ),
    tool(
        "book_flight",
        "Book a flight between two cities",
        "origin destination date",
        origin=TEXT,
        destination=TEXT,
        date=DATE,
        passengers=WHOLE,
    ),
    tool(
        "translate_text",
        "Translate a text into another language",
        "text target_language",
        text=TEXT,
        target_language=TEXT,
    ),
    tool(
        "create_event",
        "Create an event in the calendar",
        "title date",
        title=TEXT,
        date=DATE,
        start_time=CLOCK,
        attendees=TEXTS,
        duration_minutes=WHOLE,
    ),
    tool(
        "get_product_price",
        "Look up the price of a product in the shop",
        "product",
        product=TEXT,
    ),
    tool(
        "set_thermostat",
        "Set the temperature of a room",
        "room temperature",
        room=TEXT,
        temperature=NUMBER,
    ),
    tool("add_to_list", "Add entries to a shopping list", "items", items=TEXTS),
    tool("search_web", "Search the web", "query", query=TEXT),
)
REQUESTS: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = [
    (
        "What is the weather in Oslo and set an alarm for 6:30 am.",
        [("get_weather", {"city": "Oslo"}), ("set_alarm", {"time": "06:30"})],
    ),
    (
        "Set an alarm at 7 pm and tell me the price of NVDA.",
        [("set_alarm", {"time": "19:00"}), ("get_stock_price", {"symbol": "NVDA"})],
    ),
    ("How warm is it in Lisbon?", [("get_weather", {"city": "Lisbon"})]),
    ("Wie warm ist es heute in Graz?", [("get_weather", {"city": "Graz"})]),
    ("Quel temps fait-il à Nantes ?", [("get_weather", {"city": "Nantes"})]),
    (
        "Convert 250 GBP to JPY.",
        [
            (
                "convert_currency",
                {"amount": 250, "from_currency": "GBP", "to_currency": "JPY"},
            )
        ],
    ),
    (
        "How much is 40 euros in Swiss francs?",
        [
            (
                "convert_currency",
                {"amount": 40, "from_currency": "EUR", "to_currency": "CHF"},
            )
        ],
    ),
    (
        "I have 90 dollars; what is that in EUR?",
        [
            (
                "convert_currency",
                {"amount": 90, "from_currency": "USD", "to_currency": "EUR"},
            )
        ],
    ),
    (
        "Book a flight from Vienna to Porto on 2026-09-03.",
        [
            (
                "book_flight",
                {"origin": "Vienna", "destination": "Porto", "date": "2026-09-03"},
            )
        ],
    ),
    (
        "Book a flight to Porto from Vienna on 3 September 2026 for 2 passengers.",
        [
            (
                "book_flight",
                {
                    "origin": "Vienna",
                    "destination": "Porto",
                    "date": "2026-09-03",
                    "passengers": 2,
                },
            )
        ],
    ),
    (
        'How do you say "good night" in Italian?',
        [("translate_text", {"text": "good night", "target_language": "Italian"})],
    ),
    (
        'Translate "where is the station" into Dutch.',
        [
            (
                "translate_text",
                {"text": "where is the station", "target_language": "Dutch"},
            )
        ],
    ),
    (
        'Create an event "Budget review" on 2026-04-02.',
        [("create_event", {"title": "Budget review", "date": "2026-04-02"})],
    ),
    (
        'Create an event "Budget review" on 2026-04-02 at 2 pm with Ann Lee and Bo Rey.',
        [
            (
                "create_event",
                {
                    "title": "Budget review",
                    "date": "2026-04-02",
                    "start_time": "14:00",
                    "attendees": ["Ann Lee", "Bo Rey"],
                },
            )
        ],
    ),
    (
        "Set the temperature of the bedroom to 19.5 degrees.",
        [("set_thermostat", {"room": "bedroom", "temperature": 19.5})],
    ),
    (
        "Turn the kitchen down to 17 degrees.",
        [("set_thermostat", {"room": "kitchen", "temperature": 17})],
    ),
    (
        "Add milk, eggs and bread to my shopping list. Thanks!",
        [("add_to_list", {"items": ["milk", "eggs", "bread"]})],
    ),
    (
        'Send an email to kay@lund.example saying "Dinner at eight".',
        [("send_email", {"to": "kay@lund.example", "body": "Dinner at eight"})],
    ),
    (
        'Email kay@lund.example with the subject "Dinner" and the text "See you at eight".',
        [
            (
                "send_email",
                {
                    "to": "kay@lund.example",
                    "subject": "Dinner",
                    "body": "See you at eight",
                },
            )
        ],
    ),
    (
        "Search the web for sourdough starters. Be quick.",
        [("search_web", {"query": "sourdough starters"})],
    ),
    (
        'What does the desk lamp "Lumo" cost?',
        [("get_product_price", {"product": "Lumo"})],
    ),
    (
        "How much is the Lumo desk lamp?",
        [("get_product_price", {"product": "Lumo desk lamp"})],
    ),
    (
        "What's the weather in Rome, and convert 15 USD to CAD?",
        [
            ("get_weather", {"city": "Rome"}),
            (
                "convert_currency",
                {"amount": 15, "from_currency": "USD", "to_currency": "CAD"},
            ),
        ],
    ),
    (
        'Email ida@falk.example saying "Running late", then search the web for taxi numbers.',
        [
            ("send_email", {"to": "ida@falk.example", "body": "Running late"}),
            ("search_web", {"query": "taxi numbers"}),
        ],
    ),
    (
        "Set an alarm for 06:45 and book a flight from Oslo to Rome on 2026-05-04.",
        [
            ("set_alarm", {"time": "06:45"}),
            (
                "book_flight",
                {"origin": "Oslo", "destination": "Rome", "date": "2026-05-04"},
            ),
        ],
    ),
    ("Who was Ada Lovelace?", []),
    ("My sister Clara lives in Turin and she is fine.", []),
    ("Write a short poem about the sea.", []),
    ("Stelle einen Wecker auf 6:15 Uhr.", [("set_alarm", {"time": "06:15"})]),
    (
        "Rechne 30 EUR in USD um.",
        [
            (
                "convert_currency",
                {"amount": 30, "from_currency": "EUR", "to_currency": "USD"},
            )
        ],
    ),
    (
        'Wake me at 6:15 am with the label "gym".',
        [("set_alarm", {"time": "06:15", "label": "gym"})],
    ),
]
