// An ITI-43 client as wsdl2h and soapcpp2 (gSOAP) make it from the published WSDL. It signs nothing.
//   URL CA REPOSITORY DOCUMENT [addressing]   prints {"status", "errorCode" | "mimeType", "bytes", "sha256"} as JSON, or
//                                             {"fault", "subcode"} for a SOAP fault; CA is "-" without TLS
#include "DocumentRepository_USCOREBinding.nsmap"
#include "soapDocumentRepository_USCOREBindingProxy.h"
#include <cstdio>
#include <cstring>
#include <openssl/sha.h>

static const char *local_name(const char *name) {
  const char *colon = name == nullptr ? nullptr : std::strrchr(name, ':');
  return name == nullptr ? "" : colon == nullptr ? name : colon + 1;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  soap_ssl_init();
  DocumentRepository_USCOREBindingProxy repository(argv[1]);
  struct soap *soap = repository.soap;
  const bool tls = std::strcmp(argv[2], "-") != 0;
  if (tls && soap_ssl_client_context(soap, SOAP_SSL_DEFAULT, nullptr, nullptr, argv[2], nullptr, nullptr)) {
    soap_print_fault(soap, stderr);
    return 1;
  }
  if (argc > 5) {
    soap->header = soap_new_SOAP_ENV__Header(soap);
    soap->header->wsa5__Action = soap_strdup(soap, "urn:ihe:iti:2007:RetrieveDocumentSet");
    soap->header->wsa5__MessageID = soap_strdup(soap, "urn:uuid:3cc7e4d2-5b0c-4a1c-9f4e-0d5c7f4f6a11");
    soap->header->wsa5__To = argv[1];
  }
  _ns1__RetrieveDocumentSetRequest request;
  _ns1__RetrieveDocumentSetResponse response;
  request.DocumentRequest.emplace_back();
  request.DocumentRequest.back().RepositoryUniqueId = argv[3];
  request.DocumentRequest.back().DocumentUniqueId = argv[4];
  if (repository.DocumentRepository_USCORERetrieveDocumentSet(&request, response) != SOAP_OK) {
    if (*soap_faultcode(soap) == nullptr) {
      soap_print_fault(soap, stderr);
      return 1;
    }
    const char *subcode = *soap_faultsubcode(soap);
    std::printf("{\"fault\":\"%s\",\"subcode\":\"%s\"}\n", local_name(*soap_faultcode(soap)), local_name(subcode));
    return 0;
  }
  const std::string &status = response.ns2__RegistryResponse->status;
  if (response.DocumentResponse.empty()) {
    const std::string &code = response.ns2__RegistryResponse->RegistryErrorList->RegistryError[0]->errorCode;
    std::printf("{\"status\":\"%s\",\"errorCode\":\"%s\"}\n", status.c_str(), code.c_str());
    return 0;
  }
  const auto &received = response.DocumentResponse[0];
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(received.Document.__ptr, received.Document.__size, digest);
  std::printf("{\"status\":\"%s\",\"mimeType\":\"%s\",\"bytes\":%d,\"sha256\":\"", status.c_str(), received.mimeType.c_str(),
              received.Document.__size);
  for (unsigned char byte : digest) std::printf("%02x", byte);
  std::printf("\"}\n");
}
