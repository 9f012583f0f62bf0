"""An ITI-43 client as zeep makes it from the published WSDL, signing with lxml's canonicalization and cryptography's Ed25519.

WSDL URL CA PKCS8 SPKI REPOSITORY DOCUMENT   prints {"status", "errorCode" | "mimeType", "bytes", "sha256"} as JSON,
                                             or {"fault", "subcode"} for a SOAP fault
"""
import base64
import datetime
import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import load_der_private_key
from lxml import etree
from requests import Session
from zeep import Client
from zeep.exceptions import Fault
from zeep.transports import Transport

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
DSIG11 = "http://www.w3.org/2009/xmldsig11#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
ED25519 = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519"


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def encoded(raw):
    return base64.b64encode(raw).decode()


class Signer:
    """zeep's hook for WS-Security: called when all other headers stand."""

    def __init__(self, key, spki):
        self.key = key
        self.spki = spki

    def apply(self, envelope, headers):
        header = envelope.find(f"{{{SOAP}}}Header")
        parts = [block for block in header if block.tag.startswith(f"{{{WSA}}}")]
        security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
        timestamp = etree.SubElement(security, f"{{{WSU}}}Timestamp", nsmap={"wsu": WSU})
        now = datetime.datetime.utcnow().replace(microsecond=0)
        for name, time in (("Created", now), ("Expires", now + datetime.timedelta(minutes=4))):
            etree.SubElement(timestamp, f"{{{WSU}}}{name}").text = time.isoformat() + "Z"
        parts += [timestamp, envelope.find(f"{{{SOAP}}}Body")]

        signature = etree.SubElement(security, f"{{{DS}}}Signature", nsmap={"ds": DS})
        info = etree.SubElement(signature, f"{{{DS}}}SignedInfo")
        etree.SubElement(info, f"{{{DS}}}CanonicalizationMethod", Algorithm=EXCLUSIVE)
        etree.SubElement(info, f"{{{DS}}}SignatureMethod", Algorithm=ED25519)
        for number, part in enumerate(parts):
            part.set(f"{{{WSU}}}Id", f"part-{number}")
            reference = etree.SubElement(info, f"{{{DS}}}Reference", URI=f"#part-{number}")
            transforms = etree.SubElement(reference, f"{{{DS}}}Transforms")
            etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm=EXCLUSIVE)
            etree.SubElement(reference, f"{{{DS}}}DigestMethod", Algorithm=SHA256)
            digest = hashlib.sha256(canonical(part)).digest()
            etree.SubElement(reference, f"{{{DS}}}DigestValue").text = encoded(digest)
        value = etree.SubElement(signature, f"{{{DS}}}SignatureValue")
        value.text = encoded(self.key.sign(canonical(info)))
        key_info = etree.SubElement(signature, f"{{{DS}}}KeyInfo")
        key = etree.SubElement(key_info, f"{{{DSIG11}}}DEREncodedKeyValue", nsmap={"dsig11": DSIG11})
        key.text = encoded(self.spki)
        return envelope, headers

    def verify(self, envelope):
        pass


def main(wsdl, url, ca, pkcs8_file, spki_file, repository, document):
    with open(pkcs8_file, "rb") as pkcs8, open(spki_file, "rb") as spki:
        signer = Signer(load_der_private_key(pkcs8.read(), None), spki.read())
    session = Session()
    session.trust_env = False  # else REQUESTS_CA_BUNDLE would override the next line
    session.verify = ca
    client = Client(wsdl, transport=Transport(session=session), wsse=signer)
    service = client.create_service("{urn:ihe:iti:xds-b:2007}DocumentRepository_Binding", url)
    try:
        answer = service.DocumentRepository_RetrieveDocumentSet(
            DocumentRequest=[{"RepositoryUniqueId": repository, "DocumentUniqueId": document}]
        )
    except Fault as fault:
        return {"fault": fault.code.split(":")[-1], "subcode": fault.subcodes[0].localname}
    result = {"status": answer.RegistryResponse.status}
    if not answer.DocumentResponse:
        errors = answer.RegistryResponse.RegistryErrorList.RegistryError
        return {**result, "errorCode": errors[0].errorCode}
    received = answer.DocumentResponse[0]
    digest = hashlib.sha256(received.Document).hexdigest()
    return {**result, "mimeType": received.mimeType, "bytes": len(received.Document), "sha256": digest}


print(json.dumps(main(*sys.argv[1:])))
