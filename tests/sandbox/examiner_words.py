"""Kinds of documents, their fields, and what people call them in seven languages.

One line of :data:`FIELDS` is one field: its names in a schema, how its value is drawn,
a description, and its labels by language. A language without labels does not use the
field.
"""

from __future__ import annotations

import dataclasses

FIELDS_TEXT = """
invoice_number,invoice_no | id INV | Unique invoice identifier | en Invoice number;Invoice No.;Invoice #;Invoice ID | de Rechnungsnummer;Rechnungs-Nr.;Rechnung Nr. | fr Numéro de facture;Facture n°;N° de facture | es Número de factura;Factura n.º;N.º de factura | it Numero fattura;Fattura n.;N. fattura | nl Factuurnummer;Factuurnr. | pt Número da fatura;Fatura n.º
invoice_date,issue_date | date | Date the invoice was issued | en Invoice date;Date of issue;Issued on;Billing date | de Rechnungsdatum;Ausstellungsdatum | fr Date de facture;Date de facturation;Date d'émission | es Fecha de factura;Fecha de emisión;Fecha | it Data fattura;Data di emissione | nl Factuurdatum | pt Data da fatura;Data de emissão
due_date,payment_due | date | Date by which payment is due | en Due date;Payment due;Pay by;Due by | de Fälligkeitsdatum;Zahlbar bis;Fällig am | fr Date d'échéance;À payer avant le;Échéance | es Fecha de vencimiento;Vencimiento | it Scadenza;Data di scadenza | nl Vervaldatum;Te betalen vóór | pt Data de vencimento;Vencimento
vendor_name,vendor,supplier | firm | Name of the vendor | en Vendor;Supplier;Seller;Sold by | de Lieferant;Verkäufer;Anbieter | fr Fournisseur;Vendeur | es Proveedor;Vendedor | it Fornitore;Venditore | nl Leverancier;Verkoper | pt Fornecedor;Vendedor
customer_name,customer,client_name | firm | Name of the customer who is billed | en Bill to;Customer;Client;Buyer;Billed to | de Kunde;Rechnungsempfänger;Käufer | fr Client;Facturé à;Acheteur | es Cliente;Facturar a | it Cliente;Intestatario | nl Klant;Factuur aan | pt Cliente;Faturar a
total_amount,total,amount_due | amount | Total amount due | en Total;Amount due;Balance due;Grand total;Total due;Balance | de Gesamtbetrag;Rechnungsbetrag;Gesamtsumme;Zu zahlen | fr Montant total;Total TTC;Montant dû;Net à payer | es Importe total;Total a pagar;Total | it Totale;Importo totale;Totale da pagare | nl Totaalbedrag;Te betalen;Totaal | pt Valor total;Total a pagar;Total
subtotal,net_amount | amount | Amount before tax | en Subtotal;Net amount;Total before tax | de Zwischensumme;Nettobetrag | fr Sous-total;Total HT | es Subtotal;Base imponible | it Subtotale;Imponibile | nl Subtotaal;Nettobedrag | pt Subtotal;Valor líquido
tax_amount,vat | amount | Tax or VAT amount | en VAT;Sales tax;Tax | de MwSt.;Mehrwertsteuer;USt. | fr TVA;Montant TVA | es IVA;Importe del IVA | it IVA;Importo IVA | nl BTW;Btw-bedrag | pt IVA;Valor do IVA
discount | negative | Discount, as a negative amount | en Discount;Credit | de Rabatt;Nachlass | fr Remise;Rabais | es Descuento | it Sconto | nl Korting | pt Desconto
tax_rate,vat_rate | percent | Tax rate in percent | en VAT rate;Tax rate | de Steuersatz;MwSt.-Satz | fr Taux de TVA | es Tipo de IVA | it Aliquota IVA | nl Btw-tarief | pt Taxa de IVA
paid,is_paid | bool | Whether it has been paid | en Paid;Paid? | de Bezahlt | fr Payé;Payée | es Pagado;Pagada | it Pagato;Pagata | nl Betaald | pt Pago;Paga
payment_method | enum method | How it is paid | en Payment method;Paid by;Method of payment | de Zahlungsart;Zahlungsweise | fr Mode de paiement;Moyen de paiement | es Forma de pago;Método de pago | it Metodo di pagamento;Modalità di pagamento | nl Betaalmethode;Betaalwijze | pt Forma de pagamento;Método de pagamento
vendor_address,billing_address | address | Postal address | en Address;Vendor address;Billing address | de Anschrift;Adresse | fr Adresse | es Dirección;Domicilio | it Indirizzo | nl Adres | pt Endereço;Morada
email,contact_email | email | E-mail address for questions | en E-mail;Email;Contact e-mail | de E-Mail;E-Mail-Adresse | fr Courriel;Adresse e-mail;E-mail | es Correo electrónico;E-mail | it E-mail;Posta elettronica | nl E-mail;E-mailadres | pt E-mail;Correio eletrónico
phone,telephone,phone_number | phone | Telephone number | en Phone;Tel.;Telephone;Mobile | de Telefon;Tel.;Telefonnummer | fr Téléphone;Tél. | es Teléfono;Tel. | it Telefono;Tel. | nl Telefoon;Tel. | pt Telefone;Tel.
website,url | url | Address of the web page | en Website;Web;Web site | de Webseite;Internet | fr Site web;Site internet | es Sitio web;Página web | it Sito web | nl Website | pt Site;Página web
po_number,purchase_order | id PO | Purchase order number | en PO number;Purchase order;P.O. No. | de Bestellnummer;Bestell-Nr. | fr Numéro de commande;Commande n° | es Número de pedido;Pedido n.º | it Numero ordine;Ordine n. | nl Bestelnummer;Ordernummer | pt Número da encomenda;Pedido n.º
order_date | date | Date of the order | en Order date;Ordered on;Date ordered | de Bestelldatum;Bestellt am | fr Date de commande;Commandé le | es Fecha del pedido;Fecha de pedido | it Data ordine;Data dell'ordine | nl Besteldatum;Orderdatum | pt Data da encomenda;Data do pedido
delivery_date,deliver_by | date | Requested date of delivery | en Delivery date;Deliver by;Required by | de Lieferdatum;Liefertermin | fr Date de livraison;Livraison prévue | es Fecha de entrega;Entrega prevista | it Data di consegna;Consegna prevista | nl Leverdatum;Leveren vóór | pt Data de entrega;Entrega prevista
buyer,ordered_by | person | Person who ordered | en Ordered by;Buyer;Purchaser | de Besteller;Bestellt von | fr Commandé par;Acheteur | es Pedido por;Comprador | it Ordinato da;Acquirente | nl Besteld door;Inkoper | pt Pedido por;Comprador
ship_to,delivery_address,shipping_address | address | Where the goods go | en Ship to;Delivery address;Deliver to;Shipping address | de Lieferadresse;Lieferanschrift | fr Adresse de livraison;Livrer à | es Dirección de entrega;Enviar a | it Indirizzo di consegna;Consegnare a | nl Afleveradres;Bezorgadres | pt Endereço de entrega;Entregar em
priority | enum priority | How urgent it is | en Priority;Urgency | de Priorität;Dringlichkeit | fr Priorité;Urgence | es Prioridad;Urgencia | it Priorità;Urgenza | nl Prioriteit;Urgentie | pt Prioridade;Urgência
store_name,merchant | firm | Name of the shop | en Store;Merchant;Shop | de Geschäft;Händler;Filiale | fr Magasin;Commerçant | es Tienda;Comercio | it Negozio;Esercente | nl Winkel | pt Loja;Comerciante
purchase_date,date | date | Date of purchase | en Date;Purchase date;Date of purchase | de Datum;Kaufdatum | fr Date;Date d'achat | es Fecha;Fecha de compra | it Data;Data di acquisto | nl Datum;Aankoopdatum | pt Data;Data da compra
purchase_time,time | time | Time of purchase, HH:MM | en Time | de Uhrzeit;Zeit | fr Heure | es Hora | it Ora | nl Tijd | pt Hora
change_given,change | amount | Change returned in cash | en Change;Change given | de Rückgeld;Wechselgeld | fr Monnaie rendue;Rendu | es Cambio | it Resto | nl Wisselgeld | pt Troco
receipt_number,receipt_no | id R | Number of the receipt | en Receipt no.;Receipt number;Receipt # | de Belegnummer;Beleg-Nr.;Bon-Nr. | fr Ticket n°;Numéro de reçu | es Recibo n.º;Número de recibo | it Scontrino n.;Numero ricevuta | nl Bonnummer | pt Recibo n.º;Número do recibo
cashier | person | Who served | en Cashier;Served by | de Kassierer;Es bediente Sie | fr Caissier;Servi par | es Cajero;Atendido por | it Cassiere;Servito da | nl Kassier;Geholpen door | pt Operador;Atendido por
full_name,name,candidate_name | person | Full name of the person | en Name;Full name;Applicant | de Name;Vor- und Nachname | fr Nom;Nom complet;Nom et prénom | es Nombre;Nombre completo | it Nome;Nome e cognome | nl Naam;Volledige naam | pt Nome;Nome completo
birth_date,date_of_birth | date | Date of birth | en Date of birth;Born;DOB;Birth date | de Geburtsdatum;Geboren am;Geb. | fr Date de naissance;Né(e) le | es Fecha de nacimiento;Nacido el | it Data di nascita;Nato il | nl Geboortedatum;Geboren op | pt Data de nascimento;Nascido em
nationality | pool nationality | Nationality | en Nationality;Citizenship | de Staatsangehörigkeit;Nationalität | fr Nationalité | es Nacionalidad | it Nazionalità | nl Nationaliteit | pt Nacionalidade
job_title,position,current_position | pool job | Title of the job | en Position;Job title;Role;Current position | de Position;Stelle;Berufsbezeichnung | fr Poste;Intitulé du poste;Fonction | es Puesto;Cargo | it Posizione;Ruolo | nl Functie;Functietitel | pt Cargo;Função
employer,company | firm | Company that employs | en Employer;Company;Organisation | de Arbeitgeber;Firma;Unternehmen | fr Employeur;Entreprise;Société | es Empresa;Empleador | it Azienda;Datore di lavoro | nl Werkgever;Bedrijf | pt Empresa;Empregador
years_of_experience,years_experience | count 1 30 | Years of work experience | en Years of experience;Experience (years) | de Berufserfahrung (Jahre);Jahre Berufserfahrung | fr Années d'expérience | es Años de experiencia | it Anni di esperienza | nl Jaren ervaring | pt Anos de experiência
skills | list skill | Skills of the person | en Skills;Key skills;Technical skills | de Kenntnisse;Fähigkeiten | fr Compétences | es Habilidades;Competencias | it Competenze | nl Vaardigheden | pt Competências;Habilidades
spoken_languages,languages | list tongue | Languages the person speaks | en Languages;Spoken languages | de Sprachen;Sprachkenntnisse | fr Langues | es Idiomas | it Lingue | nl Talen | pt Línguas;Idiomas
driving_licence,has_driving_licence | bool | Whether the person may drive | en Driving licence;Driver's license | de Führerschein | fr Permis de conduire | es Carné de conducir;Permiso de conducir | it Patente | nl Rijbewijs | pt Carta de condução
reviewer,author | person | Who wrote the review | en Reviewer;Reviewed by;Written by;By | de Rezensent;Verfasst von | fr Auteur;Avis de | es Autor;Reseña de | it Autore;Recensione di | nl Auteur;Geschreven door | pt Autor;Avaliação de
product,product_name | pool good | The product | en Product;Item;Product name | de Produkt;Artikel | fr Produit;Article | es Producto;Artículo | it Prodotto;Articolo | nl Product;Artikel | pt Produto;Artigo
rating,stars | rating | Rating from 1 to 5 | en Rating;Stars;Score | de Bewertung;Sterne | fr Note;Évaluation | es Valoración;Puntuación | it Valutazione;Voto | nl Beoordeling;Score | pt Avaliação;Classificação
review_date | date | When the review was written | en Reviewed on;Review date;Date of review | de Bewertet am;Datum der Bewertung | fr Date de l'avis;Avis du | es Fecha de la reseña | it Data della recensione | nl Datum beoordeling | pt Data da avaliação
verified_purchase,verified | bool | Whether the purchase was verified | en Verified purchase;Verified buyer | de Verifizierter Kauf | fr Achat vérifié | es Compra verificada | it Acquisto verificato | nl Geverifieerde aankoop | pt Compra verificada
would_recommend,recommended | bool | Whether the author recommends it | en Would recommend;Recommended | de Weiterempfehlung;Würde ich empfehlen | fr Recommande ce produit;Recommandé | es Recomendado;Lo recomendaría | it Consigliato;Lo consiglierebbe | nl Aanbevolen | pt Recomendado
meeting_title,meeting_subject,topic | pool topic | What the meeting is about | en Subject;Topic;Meeting | de Betreff;Thema | fr Objet;Sujet | es Asunto;Tema | it Oggetto;Argomento | nl Onderwerp | pt Assunto;Tema
issue_subject,subject | pool topic | What the problem is, in a few words | en Subject;Summary;Issue | de Betreff;Zusammenfassung | fr Objet;Sujet | es Asunto;Resumen | it Oggetto | nl Onderwerp;Samenvatting | pt Assunto;Resumo
home_address,address | address | Where the person lives | en Address;Home address | de Anschrift;Adresse;Wohnadresse | fr Adresse | es Dirección;Domicilio | it Indirizzo;Residenza | nl Adres;Woonadres | pt Endereço;Morada
meeting_date,held_on | date | Day of the meeting | en Date;Meeting date;Held on | de Datum;Sitzungsdatum | fr Date;Date de la réunion | es Fecha;Fecha de la reunión | it Data;Data della riunione | nl Datum;Vergaderdatum | pt Data;Data da reunião
start_time | time | When it starts, HH:MM | en Start;Start time;Starts at | de Beginn;Startzeit | fr Début;Heure de début | es Inicio;Hora de inicio | it Inizio;Ora di inizio | nl Begin;Aanvang | pt Início;Hora de início
location,venue | pool room | Where it takes place | en Location;Venue;Place | de Ort;Veranstaltungsort | fr Lieu | es Lugar;Ubicación | it Luogo;Sede | nl Locatie;Plaats | pt Local
chair,chaired_by | person | Who chairs | en Chair;Chaired by;Chairperson | de Leitung;Vorsitz | fr Présidence;Présidé par | es Preside;Presidido por | it Presiede;Presieduto da | nl Voorzitter | pt Presidência;Presidido por
attendees,participants | list people | Who was there | en Attendees;Participants;Present | de Teilnehmer;Anwesend | fr Participants;Présents | es Asistentes;Participantes | it Partecipanti;Presenti | nl Deelnemers;Aanwezig | pt Participantes;Presentes
next_meeting,next_meeting_date | date | Date of the next meeting | en Next meeting;Date of next meeting | de Nächste Sitzung;Nächster Termin | fr Prochaine réunion | es Próxima reunión | it Prossima riunione | nl Volgende vergadering | pt Próxima reunião
tracking_number,tracking_id | id TRK | Tracking number of the parcel | en Tracking number;Tracking no.;Tracking ID;Consignment no. | de Sendungsnummer;Trackingnummer | fr Numéro de suivi;N° de suivi | es Número de seguimiento;N.º de seguimiento | it Numero di spedizione;Codice di tracciamento | nl Trackingnummer;Zendingsnummer | pt Número de rastreio;Código de rastreamento
carrier | pool carrier | Who carries the parcel | en Carrier;Shipped via;Courier | de Spediteur;Versand durch;Versanddienst | fr Transporteur;Expédié par | es Transportista;Enviado por | it Corriere;Spedito con | nl Vervoerder | pt Transportadora
ship_date,shipped_on | date | Date it was sent | en Ship date;Shipped on;Dispatched | de Versanddatum;Versandt am | fr Date d'expédition;Expédié le | es Fecha de envío;Enviado el | it Data di spedizione;Spedito il | nl Verzenddatum;Verzonden op | pt Data de envio;Enviado em
estimated_arrival,eta,estimated_delivery | date | When it is expected to arrive | en ETA;Estimated delivery;Expected arrival | de Voraussichtliche Lieferung;Voraussichtliche Ankunft | fr Livraison estimée;Arrivée prévue | es Entrega estimada;Llegada prevista | it Consegna stimata;Arrivo previsto | nl Verwachte levering;Verwachte aankomst | pt Entrega estimada;Chegada prevista
weight_kg,weight | quantity kg 1 90 | Weight in kilograms | en Weight;Gross weight | de Gewicht;Bruttogewicht | fr Poids | es Peso | it Peso | nl Gewicht | pt Peso
parcels,number_of_parcels,pieces | count 1 12 | Number of parcels | en Parcels;Pieces;No. of parcels | de Pakete;Anzahl Pakete;Packstücke | fr Colis;Nombre de colis | es Bultos;Número de bultos | it Colli;Numero di colli | nl Pakketten;Aantal pakketten | pt Volumes;Número de volumes
recipient,consignee | person | Who receives it | en Recipient;Consignee;Deliver to the attention of | de Empfänger | fr Destinataire | es Destinatario | it Destinatario | nl Ontvanger;Geadresseerde | pt Destinatário
shipment_status,status | enum shipment | State of the shipment | en Status;Shipment status | de Status;Sendungsstatus | fr Statut;État | es Estado | it Stato | nl Status | pt Estado;Situação
event_name,title | pool event | Name of the event | en Event;Title;Event name | de Veranstaltung;Titel | fr Événement;Titre | es Evento;Título | it Evento;Titolo | nl Evenement;Titel | pt Evento;Título
event_date,date | date | Day of the event | en Date;When;Event date | de Datum;Wann | fr Date;Quand | es Fecha;Cuándo | it Data;Quando | nl Datum;Wanneer | pt Data;Quando
ticket_price,price | amount | Price of a ticket | en Ticket price;Admission;Price | de Eintritt;Eintrittspreis;Preis | fr Prix;Tarif;Prix d'entrée | es Precio;Entrada | it Prezzo;Ingresso | nl Prijs;Toegang | pt Preço;Entrada
capacity,seats | count 20 900 | How many people fit | en Capacity;Seats;Places | de Kapazität;Plätze | fr Capacité;Places | es Aforo;Plazas | it Capienza;Posti | nl Capaciteit;Plaatsen | pt Capacidade;Lugares
organizer,organiser | firm | Who organises it | en Organizer;Organised by;Host | de Veranstalter;Organisator | fr Organisateur;Organisé par | es Organizador;Organiza | it Organizzatore;Organizzato da | nl Organisator | pt Organizador
registration_required | bool | Whether one has to register | en Registration required | de Anmeldung erforderlich | fr Inscription obligatoire | es Inscripción obligatoria | it Iscrizione obbligatoria | nl Aanmelden verplicht | pt Inscrição obrigatória
patient_name,patient | person | Name of the patient | en Patient;Patient name | de Patient;Name des Patienten | fr Patient;Nom du patient | es Paciente | it Paziente | nl Patiënt | pt Paciente;Utente
patient_id,medical_record_number | id P | Number of the patient | en Patient ID;Patient no.;MRN | de Patienten-ID;Patientennummer | fr N° patient;Identifiant patient | es N.º de paciente;ID del paciente | it ID paziente;Codice paziente | nl Patiëntnummer | pt N.º de paciente;ID do paciente
collected_on,sample_date,collection_date | date | Day the sample was taken | en Collected;Sample date;Date collected;Specimen collected | de Probenentnahme;Entnahmedatum | fr Date de prélèvement;Prélevé le | es Fecha de extracción;Fecha de la muestra | it Data del prelievo;Prelievo | nl Afnamedatum | pt Data da colheita;Data da coleta
reported_on,report_date | date | Day of the report | en Reported;Report date;Date reported | de Befunddatum;Berichtsdatum | fr Date du rapport;Édité le | es Fecha del informe | it Data del referto | nl Rapportdatum | pt Data do relatório
physician,doctor,ordering_physician | person | Doctor who ordered the test | en Physician;Ordering physician;Doctor | de Arzt;Behandelnder Arzt | fr Médecin;Médecin prescripteur | es Médico | it Medico;Medico curante | nl Arts;Behandelend arts | pt Médico
fasting | bool | Whether the patient had not eaten | en Fasting | de Nüchtern | fr À jeun | es En ayunas;Ayunas | it A digiuno;Digiuno | nl Nuchter | pt Em jejum;Jejum
ticket_id,case_number | id T | Number of the ticket | en Ticket;Ticket ID;Case number;Ticket # | de Ticket;Ticketnummer;Vorgangsnummer | fr Ticket;Numéro de ticket | es Ticket;Número de ticket | it Ticket;Numero ticket | nl Ticket;Ticketnummer | pt Ticket;Número do ticket
opened_on,created_on | date | Day the ticket was opened | en Opened;Created on;Date opened;Reported on | de Erstellt am;Eröffnet am | fr Créé le;Ouvert le | es Creado el;Abierto el | it Creato il;Aperto il | nl Aangemaakt op;Geopend op | pt Criado em;Aberto em
requester,reported_by | person | Who asks for help | en Requester;Reported by;Raised by;Submitted by | de Gemeldet von;Antragsteller | fr Demandeur;Signalé par | es Solicitante;Reportado por | it Richiedente;Segnalato da | nl Aanvrager;Gemeld door | pt Solicitante;Reportado por
assignee,assigned_to | person | Who works on it | en Assignee;Assigned to;Owner | de Zugewiesen an;Bearbeiter | fr Assigné à;Attribué à | es Asignado a | it Assegnato a | nl Toegewezen aan | pt Atribuído a
ticket_status,status | enum ticket | State of the ticket | en Status;State | de Status | fr Statut;État | es Estado | it Stato | nl Status | pt Estado
employment_type,contract_type | enum employment | Kind of employment | en Employment type;Job type;Contract | de Anstellungsart;Beschäftigungsart;Vertragsart | fr Type de contrat;Contrat;Temps de travail | es Tipo de contrato;Jornada | it Tipo di contratto;Contratto | nl Dienstverband;Contractvorm | pt Tipo de contrato;Regime
salary,annual_salary | amount | Salary per year | en Salary;Annual salary;Pay | de Gehalt;Jahresgehalt | fr Salaire;Salaire annuel | es Salario;Salario anual | it Stipendio;Retribuzione annua | nl Salaris;Jaarsalaris | pt Salário;Salário anual
remote,remote_possible | bool | Whether remote work is possible | en Remote;Remote work possible | de Homeoffice möglich;Homeoffice | fr Télétravail;Télétravail possible | es Teletrabajo | it Lavoro da remoto;Smart working | nl Thuiswerken | pt Teletrabalho;Trabalho remoto
closing_date,application_deadline,apply_by | date | Last day to apply | en Closing date;Apply by;Application deadline | de Bewerbungsfrist;Bewerbungsschluss | fr Date limite de candidature;Date limite | es Fecha límite;Plazo de solicitud | it Scadenza candidature;Candidarsi entro | nl Sluitingsdatum;Reageren vóór | pt Data limite;Prazo de candidatura
requirements | list skill | What the applicant must know | en Requirements;Must have;Required skills | de Anforderungen | fr Exigences;Profil recherché | es Requisitos | it Requisiti | nl Vereisten;Functie-eisen | pt Requisitos
property_type | enum property | Kind of property | en Property type;Type;Type of property | de Objektart;Immobilientyp | fr Type de bien | es Tipo de inmueble;Tipo de propiedad | it Tipo di immobile;Tipologia | nl Soort woning;Type woning | pt Tipo de imóvel
address,property_address | address | Address of the property | en Address;Property address | de Adresse;Anschrift | fr Adresse;Adresse du bien | es Dirección | it Indirizzo | nl Adres | pt Endereço;Morada
asking_price,price | amount | Price of the property | en Asking price;Price;Guide price | de Kaufpreis;Preis | fr Prix;Prix de vente | es Precio;Precio de venta | it Prezzo;Prezzo richiesto | nl Vraagprijs;Koopsom | pt Preço;Preço de venda
bedrooms | count 1 7 | Number of bedrooms | en Bedrooms;Beds;No. of bedrooms | de Schlafzimmer;Anzahl Schlafzimmer | fr Chambres;Nombre de chambres | es Dormitorios;Habitaciones | it Camere da letto;Camere | nl Slaapkamers;Aantal slaapkamers | pt Quartos;Número de quartos
area_sqm,floor_area,living_area_m2 | quantity m² 25 300 | Living area in square metres | en Floor area;Living area;Size;Area | de Wohnfläche;Fläche | fr Surface;Surface habitable | es Superficie;Superficie útil | it Superficie;Metratura | nl Woonoppervlakte;Oppervlakte | pt Área;Área útil
available_from,available | date | First day it can be had | en Available from;Available;Move-in date | de Verfügbar ab;Bezugsfrei ab;Frei ab | fr Disponible à partir du;Disponible le | es Disponible desde;Disponible a partir del | it Disponibile dal;Libero dal | nl Beschikbaar vanaf;Beschikbaar per | pt Disponível a partir de
pets_allowed,pets | bool | Whether animals are allowed | en Pets allowed;Pets | de Haustiere erlaubt;Haustiere | fr Animaux acceptés;Animaux | es Se admiten mascotas;Mascotas | it Animali ammessi | nl Huisdieren toegestaan;Huisdieren | pt Animais permitidos;Aceita animais
agent,contact_person | person | Whom to ask | en Agent;Contact;Contact person | de Ansprechpartner;Makler | fr Contact;Agent | es Contacto;Agente | it Contatto;Agente | nl Contactpersoon;Makelaar | pt Contacto;Agente
features,amenities | list feature | What the place offers | en Features;Amenities | de Ausstattung | fr Équipements;Prestations | es Características;Equipamiento | it Caratteristiche;Dotazioni | nl Kenmerken;Voorzieningen | pt Características
"""

KINDS_TEXT = """
invoice: invoice_number invoice_date due_date vendor_name customer_name total_amount subtotal tax_amount discount tax_rate paid payment_method vendor_address email phone website +items
purchase order: po_number order_date delivery_date vendor_name buyer ship_to total_amount priority phone email +items
receipt: store_name purchase_date purchase_time receipt_number total_amount tax_amount change_given payment_method cashier phone +items
curriculum vitae: full_name birth_date nationality job_title employer years_of_experience skills spoken_languages driving_licence email phone website home_address
review: product reviewer rating review_date verified_purchase would_recommend
meeting notes: meeting_title meeting_date start_time location chair attendees next_meeting +tasks
shipping notice: tracking_number carrier ship_date estimated_arrival weight_kg parcels recipient ship_to shipment_status po_number website
event announcement: event_name event_date start_time location ticket_price capacity organizer registration_required website email
lab report: patient_name patient_id birth_date collected_on reported_on physician fasting phone +tests
support ticket: ticket_id opened_on requester assignee priority ticket_status product email phone issue_subject
job advert: job_title employer salary employment_type remote closing_date requirements years_of_experience agent email website
property listing: property_type address asking_price bedrooms area_sqm available_from pets_allowed agent phone features
"""

# What stands in a text for each value of an enum, by language ("" for all).
ENUMS: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {
    "method": {
        "credit_card": {
            "": ("VISA", "Mastercard ending 4417"),
            "en": ("Credit card", "Paid by credit card"),
            "de": ("Kreditkarte",),
            "fr": ("Carte bancaire", "Carte de crédit"),
            "es": ("Tarjeta de crédito",),
            "it": ("Carta di credito",),
            "nl": ("Creditcard",),
            "pt": ("Cartão de crédito",),
        },
        "bank_transfer": {
            "en": ("Bank transfer", "Wire transfer"),
            "de": ("Überweisung", "Banküberweisung"),
            "fr": ("Virement", "Virement bancaire"),
            "es": ("Transferencia", "Transferencia bancaria"),
            "it": ("Bonifico", "Bonifico bancario"),
            "nl": ("Overschrijving", "Bankoverschrijving"),
            "pt": ("Transferência bancária",),
        },
        "cash": {
            "en": ("Cash", "In cash"),
            "de": ("Bar", "Barzahlung"),
            "fr": ("Espèces", "En espèces"),
            "es": ("Efectivo", "En efectivo"),
            "it": ("Contanti", "In contanti"),
            "nl": ("Contant",),
            "pt": ("Dinheiro", "Em dinheiro"),
        },
        "paypal": {"": ("PayPal",)},
    },
    "priority": {
        "low": {
            "en": ("Low", "P4 (low)"),
            "de": ("Niedrig", "gering"),
            "fr": ("Basse", "Faible"),
            "es": ("Baja",),
            "it": ("Bassa",),
            "nl": ("Laag",),
            "pt": ("Baixa",),
        },
        "medium": {
            "en": ("Medium", "Normal"),
            "de": ("Mittel", "Normal"),
            "fr": ("Moyenne", "Normale"),
            "es": ("Media", "Normal"),
            "it": ("Media", "Normale"),
            "nl": ("Gemiddeld", "Normaal"),
            "pt": ("Média", "Normal"),
        },
        "high": {
            "en": ("High", "HIGH!"),
            "de": ("Hoch",),
            "fr": ("Haute", "Élevée"),
            "es": ("Alta",),
            "it": ("Alta",),
            "nl": ("Hoog",),
            "pt": ("Alta",),
        },
        "urgent": {
            "en": ("Urgent", "Very urgent"),
            "de": ("Dringend", "Sehr dringend"),
            "fr": ("Urgent", "Urgente"),
            "es": ("Urgente",),
            "it": ("Urgente",),
            "nl": ("Dringend", "Spoed"),
            "pt": ("Urgente",),
        },
    },
    "shipment": {
        "in_transit": {
            "en": ("In transit", "On its way"),
            "de": ("Unterwegs", "In Zustellung"),
            "fr": ("En transit", "En cours d'acheminement"),
            "es": ("En tránsito", "En camino"),
            "it": ("In transito", "In viaggio"),
            "nl": ("Onderweg",),
            "pt": ("Em trânsito", "A caminho"),
        },
        "delivered": {
            "en": ("Delivered",),
            "de": ("Zugestellt", "Geliefert"),
            "fr": ("Livré",),
            "es": ("Entregado",),
            "it": ("Consegnato",),
            "nl": ("Bezorgd", "Afgeleverd"),
            "pt": ("Entregue",),
        },
        "delayed": {
            "en": ("Delayed", "Running late"),
            "de": ("Verspätet", "Verzögert"),
            "fr": ("Retardé", "En retard"),
            "es": ("Retrasado", "Con retraso"),
            "it": ("In ritardo",),
            "nl": ("Vertraagd",),
            "pt": ("Atrasado",),
        },
        "returned": {
            "en": ("Returned", "Returned to sender"),
            "de": ("Zurückgesandt",),
            "fr": ("Retourné", "Renvoyé"),
            "es": ("Devuelto",),
            "it": ("Restituito",),
            "nl": ("Geretourneerd",),
            "pt": ("Devolvido",),
        },
    },
    "ticket": {
        "open": {
            "en": ("Open", "Still open"),
            "de": ("Offen",),
            "fr": ("Ouvert",),
            "es": ("Abierto",),
            "it": ("Aperto",),
            "nl": ("Open",),
            "pt": ("Aberto",),
        },
        "in_progress": {
            "en": ("In progress", "Being worked on"),
            "de": ("In Bearbeitung",),
            "fr": ("En cours",),
            "es": ("En curso", "En progreso"),
            "it": ("In corso", "In lavorazione"),
            "nl": ("In behandeling",),
            "pt": ("Em andamento", "Em curso"),
        },
        "closed": {
            "en": ("Closed",),
            "de": ("Geschlossen",),
            "fr": ("Fermé", "Clos"),
            "es": ("Cerrado",),
            "it": ("Chiuso",),
            "nl": ("Gesloten",),
            "pt": ("Fechado", "Encerrado"),
        },
    },
    "employment": {
        "full_time": {
            "en": ("Full-time", "Full time, permanent"),
            "de": ("Vollzeit",),
            "fr": ("Temps plein",),
            "es": ("Jornada completa", "Tiempo completo"),
            "it": ("Tempo pieno",),
            "nl": ("Voltijd", "Fulltime"),
            "pt": ("Tempo integral", "Tempo inteiro"),
        },
        "part_time": {
            "en": ("Part-time", "Part time (60%)"),
            "de": ("Teilzeit",),
            "fr": ("Temps partiel",),
            "es": ("Media jornada", "Tiempo parcial"),
            "it": ("Part-time", "Tempo parziale"),
            "nl": ("Deeltijd", "Parttime"),
            "pt": ("Tempo parcial", "Meio período"),
        },
        "internship": {
            "en": ("Internship", "Intern"),
            "de": ("Praktikum",),
            "fr": ("Stage",),
            "es": ("Prácticas",),
            "it": ("Tirocinio", "Stage"),
            "nl": ("Stage",),
            "pt": ("Estágio",),
        },
    },
    "property": {
        "apartment": {
            "en": ("Apartment", "Flat"),
            "de": ("Wohnung", "Eigentumswohnung"),
            "fr": ("Appartement",),
            "es": ("Piso", "Apartamento"),
            "it": ("Appartamento",),
            "nl": ("Appartement",),
            "pt": ("Apartamento",),
        },
        "house": {
            "en": ("House", "Detached house"),
            "de": ("Haus", "Einfamilienhaus"),
            "fr": ("Maison",),
            "es": ("Casa",),
            "it": ("Casa", "Villa"),
            "nl": ("Woonhuis", "Huis"),
            "pt": ("Casa", "Moradia"),
        },
        "office": {
            "en": ("Office", "Office space"),
            "de": ("Büro", "Bürofläche"),
            "fr": ("Bureau", "Bureaux"),
            "es": ("Oficina",),
            "it": ("Ufficio",),
            "nl": ("Kantoor", "Kantoorruimte"),
            "pt": ("Escritório",),
        },
    },
}

YES_NO = {
    "en": ("Yes", "No"),
    "de": ("Ja", "Nein"),
    "fr": ("Oui", "Non"),
    "es": ("Sí", "No"),
    "it": ("Sì", "No"),
    "nl": ("Ja", "Nee"),
    "pt": ("Sim", "Não"),
}

POOLS = {
    "nationality": "Swiss|Portuguese|Dutch|Canadian|Irish|Kenyan|Chilean",
    "job": "Data Engineer|Site Manager|Head Chef|UX Designer|Payroll Clerk"
    "|Process Technician|Research Assistant|Account Executive",
    "topic": "Budget review Q3|Login fails after update|Roof repair|Quarterly planning"
    "|Printer offline on floor 2|Kick-off Project Heron|Website relaunch",
    "room": "Room 4B|Town Hall|Café Central|Conference Room Oslo|Building C, 2nd floor"
    "|Riverside Pavilion|Aula Magna",
    "carrier": "DHL Express|UPS|FedEx|Royal Mail|DPD|GLS|La Poste|PostNL",
    "event": "Jazz on the Lake|PyData Meetup|Winter Market|Open Kitchen Night"
    "|Founders' Breakfast|Poetry Slam|Night of the Museums",
    "good": "Trailhead 40L Backpack|AeroPress Mini|SoundCore Earbuds X2|Birch Desk 140"
    "|NordFlame Kettle|PixelBook 13",
    "skill": "Python|SQL|Docker|Excel|Project management|Negotiation|SAP|Welding"
    "|Public speaking|Kubernetes|Bookkeeping|Photoshop",
    "tongue": "English|German|French|Portuguese|Dutch|Arabic|Polish|Japanese",
    "feature": "Balcony|Garage|Fitted kitchen|Underfloor heating|Garden|Lift"
    "|Fireplace|Sauna|Solar panels",
}

# Columns of tables: (schema name, kind), and their headings by language.
TABLES = {
    "items": (
        ("line_items", "items"),
        (("description", "text"), ("quantity", "count"), ("unit_price", "money")),
    ),
    "tasks": (
        ("action_items", "tasks"),
        (("task", "text"), ("owner", "person"), ("due", "date")),
    ),
    "tests": (
        ("results", "tests"),
        (("test", "text"), ("value", "number"), ("unit", "unit")),
    ),
}
HEADINGS = {
    "description": {
        "en": ("Description", "Item", "Product"),
        "de": ("Beschreibung", "Artikel", "Bezeichnung"),
        "fr": ("Description", "Désignation", "Article"),
        "es": ("Descripción", "Artículo", "Concepto"),
        "it": ("Descrizione", "Articolo"),
        "nl": ("Omschrijving", "Artikel"),
        "pt": ("Descrição", "Artigo"),
    },
    "quantity": {
        "en": ("Quantity", "Qty", "Qty."),
        "de": ("Menge", "Anzahl"),
        "fr": ("Quantité", "Qté"),
        "es": ("Cantidad", "Cant."),
        "it": ("Quantità", "Q.tà"),
        "nl": ("Aantal",),
        "pt": ("Quantidade", "Qtd."),
    },
    "unit_price": {
        "en": ("Unit price", "Price", "Price each", "Rate"),
        "de": ("Einzelpreis", "Stückpreis"),
        "fr": ("Prix unitaire", "P.U."),
        "es": ("Precio unitario", "Precio"),
        "it": ("Prezzo unitario", "Prezzo"),
        "nl": ("Stukprijs", "Prijs per stuk"),
        "pt": ("Preço unitário", "Preço"),
    },
    "line_total": {
        "en": ("Amount", "Line total"),
        "de": ("Gesamtpreis", "Betrag"),
        "fr": ("Montant",),
        "es": ("Importe",),
        "it": ("Importo",),
        "nl": ("Bedrag",),
        "pt": ("Valor",),
    },
    "task": {
        "en": ("Task", "Action"),
        "de": ("Aufgabe",),
        "fr": ("Tâche", "Action"),
        "es": ("Tarea", "Acción"),
        "it": ("Attività", "Azione"),
        "nl": ("Taak", "Actie"),
        "pt": ("Tarefa", "Ação"),
    },
    "owner": {
        "en": ("Owner", "Who", "Responsible"),
        "de": ("Verantwortlich", "Wer"),
        "fr": ("Responsable", "Qui"),
        "es": ("Responsable", "Quién"),
        "it": ("Responsabile", "Chi"),
        "nl": ("Verantwoordelijke", "Wie"),
        "pt": ("Responsável", "Quem"),
    },
    "due": {
        "en": ("Due", "By when", "Deadline"),
        "de": ("Fällig", "Bis wann", "Termin"),
        "fr": ("Échéance", "Pour le"),
        "es": ("Plazo", "Fecha límite"),
        "it": ("Scadenza", "Entro"),
        "nl": ("Deadline", "Wanneer"),
        "pt": ("Prazo",),
    },
    "test": {
        "en": ("Test", "Analyte"),
        "de": ("Test", "Parameter"),
        "fr": ("Analyse", "Examen"),
        "es": ("Prueba", "Análisis"),
        "it": ("Esame", "Analisi"),
        "nl": ("Test", "Bepaling"),
        "pt": ("Exame", "Análise"),
    },
    "value": {
        "en": ("Result", "Value"),
        "de": ("Ergebnis", "Wert"),
        "fr": ("Résultat", "Valeur"),
        "es": ("Resultado", "Valor"),
        "it": ("Risultato", "Valore"),
        "nl": ("Uitslag", "Waarde"),
        "pt": ("Resultado", "Valor"),
    },
    "unit": {
        "en": ("Unit", "Units"),
        "de": ("Einheit",),
        "fr": ("Unité",),
        "es": ("Unidad", "Unidades"),
        "it": ("Unità",),
        "nl": ("Eenheid",),
        "pt": ("Unidade",),
    },
}
TASKS = [
    "Call the landlord",
    "Send revised quote",
    "Book the venue",
    "Update the risk list",
    "Order new badges",
    "Draft the press release",
    "Check fire doors",
]
TESTS = (
    ("Haemoglobin", "g/dL", 11.0, 17.0),
    ("Glucose", "mg/dL", 70.0, 130.0),
    ("Ferritin", "ng/mL", 15.0, 300.0),
    ("TSH", "mIU/L", 0.4, 5.0),
    ("Potassium", "mmol/L", 3.2, 5.6),
    ("Creatinine", "µmol/L", 45.0, 120.0),
)


@dataclasses.dataclass(frozen=True)
class Field:
    """One field: schema names, how to draw it, description, labels by language."""

    names: tuple[str, ...]
    kind: str
    options: tuple[str, ...]
    description: str
    labels: dict[str, tuple[str, ...]]


def _field(line: str) -> Field:
    names, kind, description, *labels = (part.strip() for part in line.split(" | "))
    word, *options = kind.split()
    by_language = {lab[:2]: tuple(lab[3:].split(";")) for lab in labels}
    return Field(
        tuple(names.split(",")), word, tuple(options), description, by_language
    )


FIELDS = {
    field.names[0]: field for field in map(_field, FIELDS_TEXT.strip().splitlines())
}
KINDS = {
    kind: tuple(fields.split())
    for kind, fields in (line.split(": ") for line in KINDS_TEXT.strip().splitlines())
}

ITEM_LINES_WORDS = {"en": "Items:"}

NOISE = (
    "Thank you for your business!",
    "Page 1 of 2",
    "Printed: 2027-01-04",
    "Our reference: ZX-99321",
    "Please recycle this paper.",
    "Registered in 1987, licence 55-210.",
)

MAIL = {
    "kinds": ("invoice", "purchase order", "shipping notice", "job advert"),
    "labels": {
        "en": ("From", "To", "Subject", "Date", "Attachments", "Hello all, see below."),
        "de": ("Von", "An", "Betreff", "Datum", "Anlagen", "Hallo, siehe unten."),
        "fr": ("De", "À", "Objet", "Date", "Pièces jointes", "Bonjour, voir plus bas."),
        "es": ("De", "Para", "Asunto", "Fecha", "Adjuntos", "Hola, véase abajo."),
    },
}

OPINIONS = {
    "en": {
        "positive": (
            "Absolutely love it, works perfectly and arrived early.",
            "Excellent quality, I am very happy with it.",
        ),
        "negative": (
            "Broke after two days. Terrible, a waste of money.",
            "Very disappointed, poor build and it never worked.",
        ),
    },
    "de": {
        "positive": ("Ich bin begeistert, tolle Qualität!",),
        "negative": ("Leider sehr enttäuscht, nach zwei Tagen kaputt.",),
    },
    "fr": {
        "positive": ("Excellent produit, je suis très satisfait.",),
        "negative": ("Très déçu, mauvaise qualité.",),
    },
}
