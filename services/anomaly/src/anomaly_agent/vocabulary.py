"""What column names hint at, in English, German, French and Spanish. Data decide; a hint breaks ties."""

import re
import unicodedata

WORDS = {
    "quantity": """
        qty quantity quantities menge anzahl stueck stuck stk quantite qte nombre cantidad cant unidades units
        pieces pcs packs cartons pallets paletten palettes boxes colli count liefermenge
        bestellmenge
    """,
    "weight": """
        weight gewicht kg kilograms kilogram poids peso tonnes mass volume volumen cbm brutto
    """,
    "money": """
        price preis prix precio cost kosten cout coste costo value wert valeur valor importe amount betrag
        montant total summe freight fracht insurance versicherung fee charge usd eur einzelpreis gesamtpreis
    """,
    "identity": """
        id nr no number nummer numero num key code ref reference referenz uuid guid line zeile pos position
        index # sku awb tracking barcode sscc
    """,
    "index": """
        id index idx no nr number num nummer numero key line row zeile ligne fila entry record reading messung sample
        measurement observation obs seq sequence counter tick step frame packet point lfd unnamed column #
    """,
    "planned": """
        scheduled planned expected due eta etd estimated promised requested target deadline soll geplant plan
        wunsch wunschtermin prevu prevue prevista previsto estimada faellig fallig zugesagt valid expiry expires
    """,
    "early": """
        ordered order created sent issued placed po booked booking pickup picked shipped ship dispatch
        dispatched departure departed start from loaded manufactured produced bestellt bestelldatum bestellung
        auftrag auftragsdatum abholung versand versendet abfahrt beginn commande expedie expedition depart debut
        pedido enviado envio salida inicio opened rechnungsdatum
    """,
    "late": """
        delivered delivery received receipt recorded arrival arrived unloaded closed paid payment end until
        finished completed geliefert lieferdatum lieferung zugestellt eingang wareneingang ankunft bezahlt
        zahlung ende livraison livre livree recu arrivee fin entrega entregado recibido llegada pagado
    """,
    "signed": """
        balance saldo solde difference diff delta change variance deviation abweichung ecart temperature temp
        temperatur profit margin adjustment correction korrektur latitude longitude lat lon offset return
        returns credit
    """,
    "time": """
        timestamp time date datum zeit uhrzeit datetime heure hora fecha day tag jour epoch
    """,
}
HINTS = {hint: frozenset(words.split()) for hint, words in WORDS.items()}


def hints(name: str) -> frozenset[str]:
    """Which of the hints above the words of a column's name give."""
    words = set(words_of(name))
    return frozenset(hint for hint, known in HINTS.items() if words & known)


def words_of(name: str) -> list[str]:
    """`DeliveredToClient-Date` gives delivered, to, client, date; accents and umlauts are folded."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    name = name.lower().replace("ß", "ss")
    folded = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    return re.findall(r"[a-z]+|#", plain)
