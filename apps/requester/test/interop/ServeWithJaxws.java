// An ITI-43 repository as wsimport makes its interface from the published WSDL (JAX-WS, Metro), on TLS by the JDK's own server.
// It knows no grants and signs nothing; every header that Metro writes is Metro's.
//   PKCS12 FORM [ID MIMETYPE FILE]...     FORM is mtom or plain; prints the endpoint's URL and serves until it is ended
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import iti43.DocumentRepositoryPortType;
import iti43.RegistryError;
import iti43.RegistryErrorList;
import iti43.RegistryResponse;
import iti43.RetrieveDocumentSetRequest;
import iti43.RetrieveDocumentSetResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.HashMap;
import java.util.Map;
import javax.activation.DataHandler;
import javax.activation.DataSource;
import javax.jws.WebService;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.xml.ws.BindingType;
import javax.xml.ws.Endpoint;
import javax.xml.ws.soap.AddressingFeature;
import javax.xml.ws.soap.MTOMFeature;
import javax.xml.ws.soap.SOAPBinding;

@WebService(
    endpointInterface = "iti43.DocumentRepositoryPortType",
    targetNamespace = "urn:ihe:iti:xds-b:2007",
    serviceName = "DocumentRepository_Service",
    portName = "DocumentRepository_Port_Soap12")
@BindingType(SOAPBinding.SOAP12HTTP_BINDING)
public class ServeWithJaxws implements DocumentRepositoryPortType {
  static final String STATUS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:";
  static final String SEVERITY = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error";

  record Held(String mimeType, Path file) implements DataSource {
    public String getContentType() {
      return mimeType;
    }

    public InputStream getInputStream() throws IOException {
      return Files.newInputStream(file);
    }

    public String getName() {
      return "document";
    }

    public OutputStream getOutputStream() {
      throw new UnsupportedOperationException();
    }
  }

  final Map<String, Held> held = new HashMap<>();

  public static void main(String[] args) throws Exception {
    ServeWithJaxws repository = new ServeWithJaxws();
    for (int i = 2; i < args.length; i += 3) repository.held.put(args[i], new Held(args[i + 1], Path.of(args[i + 2])));
    KeyStore store = KeyStore.getInstance("PKCS12");
    char[] password = "trial".toCharArray();
    try (InputStream in = Files.newInputStream(Path.of(args[0]))) {
      store.load(in, password);
    }
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, password);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keys.getKeyManagers(), null, null);
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    MTOMFeature mtom = new MTOMFeature(args[1].equals("mtom"));
    Endpoint.create(repository, new AddressingFeature(true, false), mtom).publish(server.createContext("/xds"));
    server.start();
    System.out.println("https://127.0.0.1:" + server.getAddress().getPort() + "/xds");
  }

  public RetrieveDocumentSetResponse documentRepositoryRetrieveDocumentSet(RetrieveDocumentSetRequest request) {
    RetrieveDocumentSetResponse response = new RetrieveDocumentSetResponse();
    RegistryErrorList errors = new RegistryErrorList();
    for (RetrieveDocumentSetRequest.DocumentRequest wanted : request.getDocumentRequest()) {
      Held found = held.get(wanted.getDocumentUniqueId());
      if (found == null) {
        RegistryError error = new RegistryError();
        error.setErrorCode("XDSDocumentUniqueIdError");
        error.setCodeContext("unknown");
        error.setLocation(wanted.getDocumentUniqueId());
        error.setSeverity(SEVERITY);
        errors.getRegistryError().add(error);
        continue;
      }
      RetrieveDocumentSetResponse.DocumentResponse document = new RetrieveDocumentSetResponse.DocumentResponse();
      document.setRepositoryUniqueId(wanted.getRepositoryUniqueId());
      document.setDocumentUniqueId(wanted.getDocumentUniqueId());
      document.setMimeType(found.mimeType());
      document.setDocument(new DataHandler(found));
      response.getDocumentResponse().add(document);
    }
    RegistryResponse registry = new RegistryResponse();
    boolean none = response.getDocumentResponse().isEmpty();
    boolean all = errors.getRegistryError().isEmpty();
    String partial = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess";
    registry.setStatus(all ? STATUS + "Success" : none ? STATUS + "Failure" : partial);
    if (!all) {
      errors.setHighestSeverity(SEVERITY);
      registry.setRegistryErrorList(errors);
    }
    response.setRegistryResponse(registry);
    return response;
  }
}
