/** Absolute path of the folder with test data (../shared/data, or RADPASS_DATA). */
export const dataDir: string;
type Describe = (name: string, body: () => void) => void;
/** jest's `describe`, or one that skips by name with the reason when `kind` is absent and not in RADPASS_REQUIRE. */
export function needs(
  kind:
    | 'vectors'
    | 'dicom'
    | 'ihe'
    | 'jdk'
    | 'openssl'
    | 'rsyslog'
    | 'nginx'
    | 'xmllint'
    | 'jaxws'
    | 'zeep'
    | 'gsoap'
    | 'chromium'
    | 'orthanc'
    | 'dcmtk',
  describe: Describe & { skip: Describe },
): Describe;
