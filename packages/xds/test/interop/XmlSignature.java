// The JDK's own XML Signature (javax.xml.crypto.dsig, OpenJDK 17) as the other side of the wire.
//   verify MESSAGE [CID FILE]   prints "valid", or "invalid" and why; cid: references are read from FILE
//   sign TEMPLATE PKCS8 SPKI    signs every element that has a wsu:Id and prints the message
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.AlgorithmMethod;
import javax.xml.crypto.Data;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.KeySelectorException;
import javax.xml.crypto.KeySelectorResult;
import javax.xml.crypto.OctetStreamData;
import javax.xml.crypto.URIDereferencer;
import javax.xml.crypto.XMLCryptoContext;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.ExcC14NParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

public class XmlSignature {
  static final String WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
  static final String WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
  static final String DSIG11 = "http://www.w3.org/2009/xmldsig11#";
  static final String ED25519 = "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519";

  public static void main(String[] args) throws Exception {
    if (args[0].equals("verify")) verify(args);
    else sign(args);
  }

  static Document parse(String file) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    return factory.newDocumentBuilder().parse(new File(file));
  }

  static List<Element> withIds(Document document) {
    List<Element> found = new ArrayList<>();
    NodeList all = document.getElementsByTagNameNS("*", "*");
    for (int i = 0; i < all.getLength(); i++) {
      Element element = (Element) all.item(i);
      if (element.hasAttributeNS(WSU, "Id")) found.add(element);
    }
    return found;
  }

  static void verify(String[] args) throws Exception {
    Document document = parse(args[1]);
    Element signature = (Element) document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").item(0);
    DOMValidateContext context = new DOMValidateContext(new KeyInMessage(), signature);
    for (Element element : withIds(document)) context.setIdAttributeNS(element, WSU, "Id");
    XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
    URIDereferencer standard = factory.getURIDereferencer();
    context.setURIDereferencer((reference, inContext) -> {
      if (args.length > 3 && reference.getURI().equals("cid:" + args[2])) return attachment(args[3]);
      return standard.dereference(reference, inContext);
    });
    XMLSignature parsed = factory.unmarshalXMLSignature(context);
    boolean valid = parsed.validate(context);
    StringBuilder out = new StringBuilder(valid ? "valid" : "invalid");
    if (!valid) {
      out.append(" value=").append(parsed.getSignatureValue().validate(context));
      for (Object entry : parsed.getSignedInfo().getReferences()) {
        Reference reference = (Reference) entry;
        if (!reference.validate(context)) out.append(" ").append(reference.getURI());
      }
    } else {
      out.append(" ").append(parsed.getSignedInfo().getReferences().size());
    }
    System.out.println(out);
  }

  static Data attachment(String file) {
    try {
      InputStream stream = new ByteArrayInputStream(Files.readAllBytes(Path.of(file)));
      return new OctetStreamData(stream);
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    }
  }

  static class KeyInMessage extends KeySelector {
    public KeySelectorResult select(KeyInfo info, Purpose purpose, AlgorithmMethod method, XMLCryptoContext context)
        throws KeySelectorException {
      try {
        Element encoded = (Element) ((DOMStructure) info.getContent().get(0)).getNode();
        if (!encoded.getLocalName().equals("DEREncodedKeyValue")) throw new KeySelectorException("no key");
        byte[] der = Base64.getMimeDecoder().decode(encoded.getTextContent());
        PublicKey key = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
        return () -> (Key) key;
      } catch (java.security.GeneralSecurityException error) {
        throw new KeySelectorException(error);
      }
    }
  }

  static void sign(String[] args) throws Exception {
    Document document = parse(args[1]);
    byte[] pkcs8 = Files.readAllBytes(Path.of(args[2]));
    byte[] spki = Files.readAllBytes(Path.of(args[3]));
    PrivateKey key = KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
    Element security = (Element) document.getElementsByTagNameNS(WSSE, "Security").item(0);
    DOMSignContext context = new DOMSignContext(key, security);
    context.setDefaultNamespacePrefix("ds");
    XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
    DigestMethod digest = factory.newDigestMethod(DigestMethod.SHA256, null);
    List<Reference> references = new ArrayList<>();
    for (Element element : withIds(document)) {
      context.setIdAttributeNS(element, WSU, "Id");
      boolean body = element.getLocalName().equals("Body");
      TransformParameterSpec prefixes = body ? new ExcC14NParameterSpec(List.of("wsa", "unused", "#default")) : null;
      Transform transform = factory.newTransform(CanonicalizationMethod.EXCLUSIVE, prefixes);
      String uri = "#" + element.getAttributeNS(WSU, "Id");
      references.add(factory.newReference(uri, digest, List.of(transform), null, null));
    }
    C14NMethodParameterSpec outer = new ExcC14NParameterSpec(List.of("soap", "ds"));
    CanonicalizationMethod c14n = factory.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, outer);
    SignedInfo info = factory.newSignedInfo(c14n, factory.newSignatureMethod(ED25519, null), references);
    Element encoded = document.createElementNS(DSIG11, "dsig11:DEREncodedKeyValue");
    encoded.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns:dsig11", DSIG11);
    encoded.setTextContent(Base64.getMimeEncoder(64, new byte[] {'\r', '\n'}).encodeToString(spki));
    KeyInfo keyInfo = factory.getKeyInfoFactory().newKeyInfo(List.of(new DOMStructure(encoded)));
    factory.newXMLSignature(info, keyInfo).sign(context);
    Transformer transformer = TransformerFactory.newInstance().newTransformer();
    transformer.setOutputProperty(OutputKeys.ENCODING, "UTF-8");
    StringWriter out = new StringWriter();
    transformer.transform(new DOMSource(document), new StreamResult(out));
    System.out.print(out);
  }
}
