"""Words of labels and field names, in several languages, as concepts to compare."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def listed(text: str, mark: str | None = None) -> frozenset[str]:
    """Give the words of a text, or what stands between marks, as a set."""
    return frozenset(text.split(mark))


# Concept: what it is called in labels. A phrase may stand for several concepts.
_CONCEPTS = """
number: number|no|nr|num|nummer|numero|numer|n°|n.o|n.°|#|№|id|identifier|identification
number: identifiant|identificador|kenn|kennung|nro|numbers|n
reference: reference|ref|referenz|referencia|riferimento|aktenzeichen|zeichen|kenmerk
code: code|codigo|codice|kod
invoice: invoice|rechnung|rechnungs|facture|factura|fattura|fatura|factuur|faktura
invoice: invoiced|facturation|facturacion|inv|bill|beleg|rg|receipt|quittung
order: order|purchase order|po|bestellung|bestell|auftrag|auftrags|commande|pedido
order date: placed on|ordered on|bestellt am
order: ordine|encomenda|bestelling|booking|reservation|buchung|buchungs|reserva
customer: customer|client|buyer|purchaser|kunde|kunden|kaufer|acheteur|cliente|klant
customer: bill to|billed to|sold to|invoice to|invoiced to|rechnung an|facture a
customer: facturer a|facturado a|comprador|rechnungsempfanger|billing name|spett le
vendor: vendor|supplier|seller|merchant|lieferant|verkaufer|anbieter|fournisseur
vendor: vendeur|proveedor|vendedor|fornitore|venditore|fornecedor|leverancier
vendor: sold by|billed by|issued by|issuer|store|shop|retailer|rechnungssteller
vendor: emetteur|emisor|verkoper|provider
sender: from|sender|absender|von|expediteur|remitente|mittente|afzender|de la part de
recipient: to|recipient|empfanger|an|destinataire|destinatario|ship to|deliver to
recipient: attn|attention|addressee|ontvanger|shipped to|receiver|consignee
recipient: lieferadresse fur
date: when|wann|quand|cuando|quando|wanneer|date|datum|fecha|data|dated|dato|day|jour|tag|dia|giorno|dates
due: due|fallig|falligkeit|falligkeits|verval|payable by|pay by|zahlbar|deadline
due: vence|expires|frist
due date: due date|echeance|vencimiento|scadenza|vencimento|vervaldatum|zahlungsziel
due date: zahlbar bis|deadline date|payment due|pay before|a payer avant|due by|due on
due date: fallig am|zu zahlen bis|te betalen voor|date limite|date limite de paiement
issue date: issued on|date issued|issue date|ausgestellt am|emis le|issued
issue: issue|issuing|ausgestellt|ausstellung|ausstellungs|emission|emis|emise
issue: emision|emissione|emissao|emitted|uitgifte
delivery: delivery|delivered|lieferung|liefer|livraison|entrega|consegna|levering
delivery: lever|arrival|deliver|arrive|arrives|arriving|ankunft
shipping: shipping|shipment|shipped|ship|versand|envio|expedition|freight|postage
shipping: verzending|porto|frais de port|spedizione
total: total|gesamt|summe|end|grand total|total ttc|montant total|importe total
total: totale|totaal|sum|to pay|zu zahlen|net a payer|a payer|a pagar|total a pagar
total: gesamtbetrag|gesamtsumme|endbetrag|brutto|total amount|montant ttc|totaux
total: total to pay|total general|total due|total payable|rechnungsbetrag|zahlbetrag
total: zu zahlender betrag|totale da pagare|te betalen|total price|overall|gross|gesamtpreis|totalbelopp
balance: amount due|balance due|balance|amount payable|outstanding|offener betrag
balance: saldo|solde|restbetrag|amount owed|owed
subtotal: subtotal|sub total|zwischensumme|sous total|net total|net amount|netto
subtotal: total ht|montant ht|base imponible|imponibile|total net|subtotaal|net
subtotal: nettobetrag|nettosumme|before tax|total before tax|total excl tax|summe netto
subtotal: gesamt netto|subtotale|liquido|hors taxe|before taxes|zonder btw
tax: tax|vat|gst|mwst|ust|umsatzsteuer|mehrwertsteuer|steuer|tva|iva|btw|moms|taxes
tax: impuesto|impuestos|imposta|taxe|sales tax|imposto|tax amount
discount: discount|rabatt|remise|descuento|sconto|desconto|korting|rebate|skonto
amount: amount|betrag|betrags|montant|importe|importo|monto|bedrag|belopp|kwota|value
amount: valeur|wert|valor
price: price|preis|prix|precio|prezzo|preco|prijs|cost|costs|kosten|rate|tarif|fare
price: coute|priced
fee: fee|fees|gebuhr|gebuhren|charge|charges|frais
unit: unit|each|einzel|unitaire|unitario|apiece|stuk|pu|per unit|stuckpreis
unit price: unit price|unit cost|price each|price per unit|einzelpreis|prix unitaire
unit price: precio unitario|prezzo unitario|stukprijs|p u|preco unitario|stuckpreis
unit price: price unit|each price|item price|price per item
quantity: quantity|qty|menge|anzahl|quantite|qte|cantidad|cant|quantita|qta|aantal
quantity: quantidade|units|pcs|pieces|stuck|stk|stuckzahl|count|antal|hours|how many
description: description|item|article|product|service|bezeichnung|beschreibung|artikel
description: designation|descripcion|concepto|descrizione|articolo|descricao|produto
description: omschrijving|leistung|produkt|produit|producto|prodotto|goods|ware|particulars
description: item name|product name|product description|item description
line: line|row|zeile|pos|ligne|linea|riga
name: name|nom|nombre|nome|naam|namn|navn|called|names
full name: full name|vollstandiger name|nom complet|nombre completo
first name: first name|vorname|prenom|given name|forename|voornaam|firstname
last name: last name|nachname|surname|family name|apellido|apellidos|cognome|lastname
last name: achternaam|familienname|nom de famille
person: person|contact|ansprechpartner|contacto|contact person|contatto|kontakt
person: kontaktperson|persona|personne|candidate|applicant|employee|patient|student
person: passenger|user|bewerber|mitarbeiter|passagier|traveller|traveler|author|artist
company: works at|working at|company|firm|firma|unternehmen|entreprise|societe|empresa|azienda|bedrijf
company: organization|organisation|business|employer|arbeitgeber|company name
address: address|anschrift|adresse|direccion|domicilio|indirizzo|endereco|adres
address: postal address|mailing address|street address full
street: street|strasse|str|rue|calle|via|rua|straat|street address|address line 1
street: address line1|line1|line 1|street name|road
city: city|town|ort|stadt|ville|ciudad|citta|cidade|plaats|localidad|municipality
city: wohnort|stad|woonplaats
place: place|location|venue|lieu|lugar|luogo|veranstaltungsort|where|treffpunkt|room|raum|salle|sala|wo|ou
postal: postal code|zip|zip code|plz|postleitzahl|code postal|codigo postal|cap|cep
postal: postcode|zipcode|postal|post code|postal zip code
state: state|province|bundesland|estado|provincia|county|canton|kanton
region: region
country: country|land|pays|pais|paese|country name|staat
email: mail to|email|e mail|mail|courriel|correo|correo electronico|email address|mail address
email: e mail address|e mail adresse|emails|adresse e mail|mailadresse|posta elettronica
phone: phone|telephone|tel|telefon|telefono|telefone|mobile|cell|handy|mobil|fon
phone: phone number|telephone number|mobile number|telefonnummer|cell phone|telefoon
phone: call us|call|mobile phone|numero de telephone|numero de telefono|handynummer|phone no|tel no
fax: fax|telefax
website: website|web|url|site|homepage|webseite|link|sitio web|site web|web site
website: web address|webpage|sito
currency: currency|wahrung|devise|moneda|valuta|moeda|currency code|waluta
payment: payment|zahlung|zahlungs|paiement|pago|pagamento|betaling|paid|pay|bezahlt|paye|payee|pagado|pagada|pagato|betaald
payment method: paid with|paid by|payment method|zahlungsart|zahlungsweise|bezahlt mit
tip: tip|gratuity|trinkgeld|pourboire|propina|mancia
departure: departure|depart|departs|departing|leaving|leaves|abfahrt|abflug|salida
payment: saldato|settled|voldaan|beglichen
method: method|methode|art|mode|forma|weise|metodo|means|medio
terms: terms|bedingungen|conditions|condiciones|condizioni|bedingung
iban: iban
bic: bic|swift|bic swift
bank: bank|banque|banco|banca|bank name
account: account|konto|compte|cuenta|conto|rekening|account no
status: status|state of|etat|stato|zustand
title: title|subject|betreff|objet|asunto|oggetto|onderwerp|heading|titel|topic|titre
message: message|body|text|nachricht|mensaje|messaggio|content|contents|bericht
note: note|notes|remark|remarks|comment|comments|bemerkung|bemerkungen|hinweis|kommentar
note: remarque|nota|notas|observaciones|opmerking|instructions|memo
event: event|meeting|veranstaltung|evenement|evento|appointment|termin|sitzung
time: time|uhrzeit|heure|hora|ora|tijd|zeit|clock
start: start|begin|begins|starts|beginn|debut|inicio|inizio|starting|beginning|commence
end: ends|ending|ende|finish|fin|fine|until|bis
age: age|alter|edad|eta|leeftijd|years old|year old|aged
birth: birth|born|geburts|geburt|naissance|nacimiento|nascita|birthday|geboren|geboorte
birth date: date of birth|birth date|dob|birthdate|geburtsdatum|date de naissance
birth date: fecha de nacimiento|geboortedatum|data di nascita|geburtstag|born on
gender: gender|sex|geschlecht|sexe|sexo|sesso
job: job|job title|position|current position|occupation|beruf|profession|puesto|role|rolle|funktion|poste|cargo
department: department|abteilung|departement|departamento|reparto|dept
language: language|sprache|langue|idioma|lingua|taal
guests: guests|guest|people|persons|participants|attendees|personen|personnes|personas
guests: party size|invited|invitees|invitati|invites|teilnehmer|gaste|members|headcount|heads
weight: weight|gewicht|poids|peso
height: height|hohe|hauteur|altura|altezza|tall
width: width|breite|largeur|ancho
length: length|lange|longueur|largo
color: color|colour|farbe|couleur|kleur|colore
size: size|grosse|taille|talla|taglia|maat
rating: rating|stars|score|bewertung|note sur|puntuacion|voto
priority: priority|prioritat|priorite|prioridad|priorita|urgency|dringlichkeit
tracking: tracking|sendungsnummer|sendungs|suivi|seguimiento
duration: duration|dauer|duree|duracion|durata|how long
brand: brand|marke|marque|marca|manufacturer|hersteller|make
model: model|modell|modele|modelo|modello
category: category|kategorie|categorie|categoria|type|typ|kind|tipo
answer: answer|result|final answer|solution|ergebnis|resultat|resultado|outcome
weather: weather|forecast|wetter|meteo
temperature: temperature|temp|temperatur|temperatura|hot|cold|warm|degrees
search: search|find|look|lookup|suche
stock: stock|share|shares|ticker|symbol|ticker symbol|stock symbol
quote: quote|quotes|quotation|angebot|devis
send: send|write|sent|versende|schreibe
"""

_RELATED = """
total balance .85, total amount .7, total price .55, customer recipient .75
vendor sender .75, vendor company .65, sender company .4, customer company .4
customer person .5, number reference .8, number code .65, reference code .6
price amount .7, amount balance .7, unit price .5, description name .65
description title .55, description category .3, delivery shipping .8
shipping recipient .5, delivery recipient .6, name title .4, person name .8
company name .5, place city .8, place address .6, date time .3, issue invoice .6
issue date .3, customer name .2, message note .5, message description .3
shipping fee .4, fee price .6, fee amount .5, tax amount .2, end due .3
event title .5, state region .9, delivery arrival .9, person customer .5
sender person .4, weather temperature .8, account iban .7, description note .3
quote price .6, stock price .2, answer total .3, answer amount .3, region country .4
phone person .3, job title .5, order reference .3, place address .6
"""

_STOP = listed(
    "the a an of de der die das des du del della di da do dos le la les el los las lo "
    "il l d your our my ihre ihr unser unsere votre notre su tu vostro und and y et e "
    "o or oder ou is are was be this that it its in im for fur pour para per par por "
    "on am by with mit avec con as at dem den ein eine un une una uw van het en s "
    "are needs need should can please which who whose what any all if has have given unique main current "
    "sur zum zur bei au aux e.g eg etc schon bereits already received zzgl plus inkl incl "
    "excl including bitte please will"
)
# Words that say little by themselves: what they belong to decides.
_LIGHT = {
    "number": 0.5, "date": 0.5, "name": 0.35, "amount": 0.35, "address": 0.5,
    "description": 0.5, "invoice": 0.5, "order": 0.6, "code": 0.4, "person": 0.3,
    "company": 0.6, "reference": 0.5, "line": 0.3, "time": 0.5, "full": 0.2,
    "price": 0.6, "unit": 0.6, "category": 0.7, "event": 0.6, "title": 0.7,
    "list": 0.2, "detail": 0.2, "info": 0.2, "information": 0.2, "field": 0.2,
    "tax": 1.3, "discount": 1.3, "fee": 1.2, "issue": 0.5, "string": 0.2, "format": 0.2, "iso": 0.2, "document": 0.2,
}  # fmt: skip

# Without these words a label is not just shorter but means something else.
CHARGED = listed(
    "due delivery shipping birth start end tax unit subtotal discount fee vendor sender "
    "recipient total balance first last street number payment issue email phone fax "
    "website currency bank account time price amount quantity description name date "
    "age postal city country state status method code address"
)
_GENERIC = 0.46

_WORD = re.compile(r"[nN]\.?[°º]|[#№]|[^\W_]+")
_ASIDE = re.compile(r"\([^()]{0,60}\)")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MAX_PHRASE = 5
_MAX_WORDS = 40

Concepts = tuple[str, ...]


def _read_concepts() -> dict[tuple[str, ...], Concepts]:
    table: dict[tuple[str, ...], Concepts] = {}
    for line in _CONCEPTS.strip().splitlines():
        concept, _, phrases = line.partition(": ")
        for phrase in phrases.split("|"):
            table.setdefault(tuple(phrase.split()), tuple(concept.split()))
    return table


def _read_related() -> dict[tuple[str, str], float]:
    table = {}
    for entry in _RELATED.replace("\n", ",").split(","):
        if entry.strip():
            one, other, likeness = entry.split()
            table[one, other] = table[other, one] = float(likeness)
    return table


_PHRASES = _read_concepts()
_LIKENESS = _read_related()
_STARTS = frozenset(phrase[0] for phrase in _PHRASES if len(phrase) > 1)
_KNOWN = frozenset(concept for found in _PHRASES.values() for concept in found)


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Write a text in small letters without accents."""
    text = text.casefold().replace("ø", "o").replace("ł", "l")
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char))


def split(text: str) -> list[str]:
    """Give the words of a text, plain; names in one word are split at their humps."""
    found: list[str] = []
    for word in _WORD.findall(text):
        whole = plain(word)
        if (whole,) in _PHRASES or _HUMP.search(word) is None:
            found.append(whole)
        else:
            found += map(plain, _HUMP.sub(" ", word).split())
    return found


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Take the usual English endings off a plain word."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            root = word[: -len(ending)]
            return root[:-1] if root[-1] == root[-2] else root
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui":
        return word[:-1]
    return word


@lru_cache(maxsize=20_000)
def concept(word: str) -> Concepts:
    """Give what one plain word stands for; a word in no table stands for its stem."""
    if found := _PHRASES.get((word,)):
        return found
    if word in _STOP:
        return ()
    root = stem(word)
    if found := _PHRASES.get((root,)):
        return found
    return _parts(word, 2) or (root,)


def _parts(word: str, depth: int) -> Concepts:
    """Take a compound apart (Rechnungsnummer), if every part is known."""
    if not 7 <= len(word) <= 30 or not depth:
        return ()
    for cut in range(len(word) - 2, 2, -1):
        left, right = word[:cut], word[cut:]
        head = _PHRASES.get((left,))
        for link in ("s", "n", "en", "e", "es"):
            if head is None and left.endswith(link) and len(left) > len(link) + 2:
                head = _PHRASES.get((left.removesuffix(link),))
        if head is None:
            continue
        tail = _PHRASES.get((right,)) or _parts(right, depth - 1)
        if tail:
            return head + tail
    return ()


def munch(words: list[str], start: int) -> tuple[int, Concepts]:
    """
    Read the longest known phrase of plain words.

    Returns
    -------
    int, tuple of str
        How many words it takes, and what they stand for.
    """
    if words[start] in _STARTS:
        for size in range(min(_MAX_PHRASE, len(words) - start), 1, -1):
            if found := _PHRASES.get(tuple(words[start : start + size])):
                return size, found
    return 1, concept(words[start])


@lru_cache(maxsize=20_000)
def read(text: str) -> Concepts:
    """Give the concepts of a label or name, each once, in order."""
    words = split(_ASIDE.sub(" ", text[:400]))[:_MAX_WORDS] or split(text[:400])
    found: dict[str, None] = {}
    place = 0
    while place < len(words):
        size, concepts = munch(words, place)
        found.update(dict.fromkeys(concepts))
        place += size
    if "subtotal" in found:
        # A net total is no total.
        found.pop("total", None)
    return tuple(found)


def is_known(word: str) -> bool:
    """Tell whether a concept is one of the tables'."""
    return word in _KNOWN


def weight(word: str) -> float:
    """Give how much a concept says by itself."""
    return _LIGHT.get(word, 0.3 if word.isdigit() else 1.0)


@lru_cache(maxsize=20_000)
def likeness(one: str, other: str) -> float:
    """Give how alike two concepts are, 0 to 1."""
    if one == other:
        return 1.0
    if related := _LIKENESS.get((one, other)):
        return related
    shorter = min(len(one), len(other))
    if shorter >= 5 and one[: shorter - 1] == other[: shorter - 1]:
        return 0.8
    return 0.0


@lru_cache(maxsize=50_000)
def score(
    wanted: Concepts,
    label: Concepts,
    context: Concepts = (),
    section: Concepts = (),
) -> float:
    """
    Give how well a label fits a field, 0 to 1.

    Parameters
    ----------
    wanted, context : tuple of str
        What the field is called, and what the objects around it are called.
    label, section : tuple of str
        What the label says, and the heading above it.
    """
    outer = tuple(word for word in context if word not in wanted)
    above = tuple(word for word in section if word not in label)
    if not any(likeness(one, other) for one in wanted for other in (*label, *above)):
        return 0.0
    left = [(w, weight(w), weight(w)) for w in wanted]
    left += [(w, weight(w) * 0.5, weight(w) * 0.1) for w in outer]
    right = [(w, weight(w), weight(w)) for w in label]
    right += [(w, weight(w), weight(w) * 0.35) for w in above]
    pairs = sorted(
        (
            (alike, i, j)
            for i, (one, _, _) in enumerate(left)
            for j, (other, _, _) in enumerate(right)
            if (alike := likeness(one, other)) > (0 if i < len(wanted) else 0.99)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    used_left: set[int] = set()
    used_right: set[int] = set()
    shared, union = 0.0, 0.0
    for exact, i, j in pairs:
        if i in used_left or (j in used_right and exact == 1):
            continue
        # One word of the label may stand for two of the field: amount, total amount.
        alike = exact * 0.8 if j in used_right else exact
        used_left.add(i)
        used_right.add(j)
        heavy = left[i][1]
        shared += alike * heavy
        union += heavy
    union += sum(rest for i, (_, _, rest) in enumerate(left) if i not in used_left)
    union += sum(rest for j, (_, _, rest) in enumerate(right) if j not in used_right)
    found = shared / union
    rest = [word for i, word in enumerate(wanted) if i not in used_left]
    if any(weight(word) >= 1 for word in rest):
        # What the field is about is not in the label: "Customer" is no e-mail address.
        found *= 0.8
    is_part = all(j in used_right for j in range(len(label)))
    if is_part and rest and found < _GENERIC and not CHARGED.intersection(rest):
        # "Name" for the name of a customer: less said, nothing else meant.
        return _GENERIC
    return found
