// An ITI-43 client as wsimport makes it from the published WSDL (JAX-WS, Metro), signing in a SOAPHandler with the JDK's own
// XML Signature. The document streams from the socket through SHA-256; nothing holds it whole.
//   WSDL URL CA PKCS8 SPKI REPOSITORY DOCUMENT     prints {"status", "errorCode", "mimeType", "bytes", "sha256"} as JSON,
//                                                  or {"fault", "subcode"} for a SOAP fault
import com.sun.xml.ws.developer.StreamingAttachmentFeature;
import com.sun.xml.ws.developer.StreamingDataHandler;
import iti43.DocumentRepositoryPortType;
import iti43.DocumentRepositoryService;
import iti43.RetrieveDocumentSetRequest;
import iti43.RetrieveDocumentSetResponse;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.namespace.QName;
import javax.xml.soap.SOAPFault;
import javax.xml.soap.SOAPMessage;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMResult;
import javax.xml.transform.dom.DOMSource;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.handler.Handler;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.handler.soap.SOAPHandler;
import javax.xml.ws.handler.soap.SOAPMessageContext;
import javax.xml.ws.soap.AddressingFeature;
import javax.xml.ws.soap.MTOMFeature;
import javax.xml.ws.soap.SOAPFaultException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

public class RetrieveWithJaxws {
  static final String XMLNS = "http://www.w3.org/2000/xmlns/";
  static final String SOAP = "http://www.w3.org/2003/05/soap-envelope";
  static final String WSA = "http://www.w3.org/2005/08/addressing";
  static final String WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
  static final String WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
  static final String DSIG11 = "http://www.w3.org/2009/xmldsig11#";
  static final String ED25519 = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519";

  public static void main(String[] args) throws Exception {
    trust(args[2]);
    KeyFactory keys = KeyFactory.getInstance("Ed25519");
    PrivateKey key = keys.generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(args[3]))));
    byte[] spki = Files.readAllBytes(Path.of(args[4]));
    DocumentRepositoryService service = new DocumentRepositoryService(Path.of(args[0]).toUri().toURL());
    DocumentRepositoryPortType port = service.getDocumentRepositoryPortSoap12(
        new AddressingFeature(true, true), new MTOMFeature(true), new StreamingAttachmentFeature(null, false, 1 << 20));
    BindingProvider binding = (BindingProvider) port;
    binding.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, args[1]);
    binding.getBinding().setHandlerChain(List.<Handler>of(new Signer(key, spki)));

    RetrieveDocumentSetRequest request = new RetrieveDocumentSetRequest();
    RetrieveDocumentSetRequest.DocumentRequest wanted = new RetrieveDocumentSetRequest.DocumentRequest();
    wanted.setRepositoryUniqueId(args[5]);
    wanted.setDocumentUniqueId(args[6]);
    request.getDocumentRequest().add(wanted);
    try {
      System.out.println(describe(port.documentRepositoryRetrieveDocumentSet(request)));
    } catch (SOAPFaultException error) {
      SOAPFault fault = error.getFault();
      Iterator<QName> subcodes = fault.getFaultSubcodes();
      String subcode = subcodes.hasNext() ? subcodes.next().getLocalPart() : "";
      System.out.printf("{\"fault\":\"%s\",\"subcode\":\"%s\"}%n", fault.getFaultCodeAsQName().getLocalPart(), subcode);
    }
  }

  static String describe(RetrieveDocumentSetResponse response) throws Exception {
    String status = response.getRegistryResponse().getStatus();
    if (response.getDocumentResponse().isEmpty()) {
      String code = response.getRegistryResponse().getRegistryErrorList().getRegistryError().get(0).getErrorCode();
      return String.format("{\"status\":\"%s\",\"errorCode\":\"%s\"}", status, code);
    }
    RetrieveDocumentSetResponse.DocumentResponse document = response.getDocumentResponse().get(0);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    long bytes = 0;
    byte[] buffer = new byte[1 << 16];
    try (StreamingDataHandler content = (StreamingDataHandler) document.getDocument();
        InputStream in = content.readOnce()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
        bytes += n;
      }
    }
    String hex = HexFormat.of().formatHex(digest.digest());
    return String.format(
        "{\"status\":\"%s\",\"mimeType\":\"%s\",\"bytes\":%d,\"sha256\":\"%s\"}", status, document.getMimeType(), bytes, hex);
  }

  static void trust(String caFile) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null);
    try (InputStream in = Files.newInputStream(Path.of(caFile))) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
  }

  /** Adds wsse:Security to what goes out: a Timestamp, and a signature over Body, Timestamp and every wsa header. */
  static class Signer implements SOAPHandler<SOAPMessageContext> {
    private final PrivateKey key;
    private final byte[] spki;

    Signer(PrivateKey key, byte[] spki) {
      this.key = key;
      this.spki = spki;
    }

    @Override
    public Set<QName> getHeaders() {
      return Set.of(new QName(WSSE, "Security"));
    }

    @Override
    public boolean handleMessage(SOAPMessageContext context) {
      if (!(Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY)) return true;
      try {
        sign(context.getMessage());
        return true;
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }

    @Override
    public boolean handleFault(SOAPMessageContext context) {
      return true;
    }

    @Override
    public void close(MessageContext context) {}

    private void sign(SOAPMessage message) throws Exception {
      // SAAJ's tree lacks some xmlns attributes, which canonicalization reads: sign what the serializer makes of it.
      DOMResult copy = new DOMResult();
      TransformerFactory.newInstance().newTransformer().transform(message.getSOAPPart().getContent(), copy);
      Document document = (Document) copy.getNode();
      Element header = (Element) document.getElementsByTagNameNS(SOAP, "Header").item(0);
      List<Element> parts = new ArrayList<>();
      for (Node node = header.getFirstChild(); node != null; node = node.getNextSibling()) {
        if (node instanceof Element && WSA.equals(node.getNamespaceURI())) parts.add((Element) node);
      }
      Element security = append(header, WSSE, "wsse:Security");
      Element timestamp = append(security, WSU, "wsu:Timestamp");
      Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
      append(timestamp, WSU, "wsu:Created").setTextContent(now.toString());
      append(timestamp, WSU, "wsu:Expires").setTextContent(now.plusSeconds(240).toString());
      parts.add(timestamp);
      parts.add((Element) document.getElementsByTagNameNS(SOAP, "Body").item(0));

      DOMSignContext context = new DOMSignContext(key, security);
      context.setDefaultNamespacePrefix("ds");
      XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
      DigestMethod digest = factory.newDigestMethod(DigestMethod.SHA256, null);
      Transform exclusive = factory.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null);
      List<Reference> references = new ArrayList<>();
      for (Element part : parts) {
        String id = "part-" + references.size();
        part.setAttributeNS(XMLNS, "xmlns:wsu", WSU);
        part.setAttributeNS(WSU, "wsu:Id", id);
        context.setIdAttributeNS(part, WSU, "Id");
        references.add(factory.newReference("#" + id, digest, List.of(exclusive), null, null));
      }
      CanonicalizationMethod c14n =
          factory.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, (C14NMethodParameterSpec) null);
      SignedInfo info = factory.newSignedInfo(c14n, factory.newSignatureMethod(ED25519, null), references);
      Element encoded = document.createElementNS(DSIG11, "dsig11:DEREncodedKeyValue");
      encoded.setAttributeNS(XMLNS, "xmlns:dsig11", DSIG11);
      encoded.setTextContent(Base64.getEncoder().encodeToString(spki));
      KeyInfo keyInfo = factory.getKeyInfoFactory().newKeyInfo(List.of(new DOMStructure(encoded)));
      factory.newXMLSignature(info, keyInfo).sign(context);
      message.getSOAPPart().setContent(new DOMSource(document));
      message.saveChanges();
    }

    private static Element append(Element parent, String namespace, String name) {
      Element element = parent.getOwnerDocument().createElementNS(namespace, name);
      element.setAttributeNS(XMLNS, "xmlns:" + name.substring(0, name.indexOf(':')), namespace);
      parent.appendChild(element);
      return element;
    }
  }
}
