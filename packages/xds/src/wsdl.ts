/**
 * The service's description (WSDL 1.1), served at `?wsdl`: RetrieveDocumentSet alone, SOAP 1.2, MTOM. The types stand
 * in it, so that a code generator needs no second file. Names of service, port type and operation are IHE's (ITI TF-2:
 * 3.43.5).
 */
import { escapeAttribute } from './canonicalXml.js';
import { iheNamespace, retrieveAction, retrieveResponseAction, rsNamespace } from './retrieveDocumentSet.js';

const element = (name: string, type: string, more = ''): string => `<xs:element name="${name}" type="${type}"${more}/>`;
const sequence = (...items: string[]): string =>
  `<xs:complexType><xs:sequence>${items.join('')}</xs:sequence></xs:complexType>`;
const many = ' maxOccurs="unbounded"';
const optional = ' minOccurs="0"';

const identity = [
  element('HomeCommunityId', 'tns:LongName', optional),
  element('RepositoryUniqueId', 'tns:LongName'),
  element('DocumentUniqueId', 'tns:LongName'),
];

const document = [
  ...identity,
  element('NewRepositoryUniqueId', 'tns:LongName', optional),
  element('NewDocumentUniqueId', 'tns:LongName', optional),
  element('mimeType', 'tns:LongName'),
  element('Document', 'xs:base64Binary', ' xmime:expectedContentTypes="application/octet-stream"'),
];

const iheSchema =
  `<xs:schema targetNamespace="${iheNamespace}" elementFormDefault="qualified">` +
  `<xs:import namespace="${rsNamespace}"/>` +
  '<xs:simpleType name="LongName"><xs:restriction base="xs:string"><xs:maxLength value="256"/></xs:restriction></xs:simpleType>' +
  `<xs:element name="RetrieveDocumentSetRequest">${sequence(
    `<xs:element name="DocumentRequest"${many}>${sequence(...identity)}</xs:element>`,
  )}</xs:element>` +
  `<xs:element name="RetrieveDocumentSetResponse">${sequence(
    '<xs:element ref="rs:RegistryResponse"/>',
    `<xs:element name="DocumentResponse"${optional}${many}>${sequence(...document)}</xs:element>`,
  )}</xs:element></xs:schema>`;

const attribute = (name: string, type: string, use: string): string =>
  `<xs:attribute name="${name}" type="${type}" use="${use}"/>`;

const rsSchema =
  `<xs:schema targetNamespace="${rsNamespace}" elementFormDefault="qualified">` +
  '<xs:element name="RegistryError"><xs:complexType><xs:simpleContent><xs:extension base="xs:string">' +
  attribute('codeContext', 'xs:string', 'required') +
  attribute('errorCode', 'xs:string', 'required') +
  attribute('severity', 'xs:anyURI', 'optional') +
  attribute('location', 'xs:string', 'optional') +
  '</xs:extension></xs:simpleContent></xs:complexType></xs:element>' +
  '<xs:element name="RegistryErrorList"><xs:complexType><xs:sequence>' +
  `<xs:element ref="rs:RegistryError"${many}/></xs:sequence>` +
  `${attribute('highestSeverity', 'xs:anyURI', 'optional')}</xs:complexType></xs:element>` +
  '<xs:element name="RegistryResponse"><xs:complexType><xs:sequence>' +
  `<xs:element ref="rs:RegistryErrorList"${optional}/></xs:sequence>` +
  attribute('status', 'xs:anyURI', 'required') +
  `${attribute('requestId', 'xs:anyURI', 'optional')}</xs:complexType></xs:element></xs:schema>`;

/** @param url - where the service is called, without `?wsdl` */
export function serviceDescription(url: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<wsdl:definitions name="DocumentRepository" targetNamespace="${iheNamespace}" xmlns:tns="${iheNamespace}" ` +
    `xmlns:rs="${rsNamespace}" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema" ` +
    'xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" ' +
    'xmlns:wsp="http://www.w3.org/ns/ws-policy" xmlns:xmime="http://www.w3.org/2005/05/xmlmime" ' +
    'xmlns:wsoma="http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization">\n' +
    '<wsdl:documentation>IHE ITI-43 Retrieve Document Set. Requests carry a WS-Security header with a Timestamp and an ' +
    'XML Signature (Ed25519, SHA-256, exclusive canonicalization) over Body, Timestamp and all WS-Addressing headers.' +
    '</wsdl:documentation>\n' +
    `<wsdl:types>${rsSchema}${iheSchema}</wsdl:types>\n` +
    message('RetrieveDocumentSet_Message', 'RetrieveDocumentSetRequest') +
    message('RetrieveDocumentSetResponse_Message', 'RetrieveDocumentSetResponse') +
    '<wsdl:portType name="DocumentRepository_PortType"><wsdl:operation name="DocumentRepository_RetrieveDocumentSet">' +
    `<wsdl:input message="tns:RetrieveDocumentSet_Message" wsam:Action="${retrieveAction}"/>` +
    `<wsdl:output message="tns:RetrieveDocumentSetResponse_Message" wsam:Action="${retrieveResponseAction}"/>` +
    '</wsdl:operation></wsdl:portType>\n' +
    '<wsdl:binding name="DocumentRepository_Binding" type="tns:DocumentRepository_PortType">' +
    '<wsp:Policy><wsoma:OptimizedMimeSerialization/><wsam:Addressing/></wsp:Policy>' +
    '<soap12:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>' +
    '<wsdl:operation name="DocumentRepository_RetrieveDocumentSet">' +
    `<soap12:operation soapAction="${retrieveAction}"/>` +
    '<wsdl:input><soap12:body use="literal"/></wsdl:input><wsdl:output><soap12:body use="literal"/></wsdl:output>' +
    '</wsdl:operation></wsdl:binding>\n' +
    '<wsdl:service name="DocumentRepository_Service">' +
    '<wsdl:port name="DocumentRepository_Port_Soap12" binding="tns:DocumentRepository_Binding">' +
    `<soap12:address location="${escapeAttribute(url)}"/></wsdl:port></wsdl:service>\n</wsdl:definitions>\n`
  );
}

function message(name: string, type: string): string {
  return `<wsdl:message name="${name}"><wsdl:part name="body" element="tns:${type}"/></wsdl:message>\n`;
}
