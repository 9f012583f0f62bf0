/** The elements that we read from a header, by the names of PS3.6, with the VR of the dictionary. Nothing else is kept. */

/** name: [tag as eight hex digits, VR] */
export const headerTags = {
  transferSyntaxUID: ['00020010', 'UI'],
  specificCharacterSet: ['00080005', 'CS'],
  instanceCreationDate: ['00080012', 'DA'],
  instanceCreationTime: ['00080013', 'TM'],
  sopClassUID: ['00080016', 'UI'],
  sopInstanceUID: ['00080018', 'UI'],
  studyDate: ['00080020', 'DA'],
  seriesDate: ['00080021', 'DA'],
  acquisitionDate: ['00080022', 'DA'],
  contentDate: ['00080023', 'DA'],
  studyTime: ['00080030', 'TM'],
  seriesTime: ['00080031', 'TM'],
  acquisitionTime: ['00080032', 'TM'],
  contentTime: ['00080033', 'TM'],
  accessionNumber: ['00080050', 'SH'],
  modality: ['00080060', 'CS'],
  studyDescription: ['00081030', 'LO'],
  seriesDescription: ['0008103E', 'LO'],
  patientName: ['00100010', 'PN'],
  patientId: ['00100020', 'LO'],
  patientBirthDate: ['00100030', 'DA'],
  patientSex: ['00100040', 'CS'],
  studyInstanceUID: ['0020000D', 'UI'],
  seriesInstanceUID: ['0020000E', 'UI'],
  studyId: ['00200010', 'SH'],
  seriesNumber: ['00200011', 'IS'],
  instanceNumber: ['00200013', 'IS'],
  numberOfFrames: ['00280008', 'IS'],
  rows: ['00280010', 'US'],
  columns: ['00280011', 'US'],
  verificationDateTime: ['0040A030', 'DT'],
  completionFlag: ['0040A491', 'CS'],
  verificationFlag: ['0040A493', 'CS'],
  documentTitle: ['00420010', 'ST'],
  mimeTypeOfEncapsulatedDocument: ['00420012', 'LO'],
  contentLabel: ['00700080', 'CS'],
  contentDescription: ['00700081', 'LO'],
  presentationCreationDate: ['00700082', 'DA'],
  presentationCreationTime: ['00700083', 'TM'],
  contentCreatorName: ['00700084', 'PN'],
  doseSummationType: ['3004000A', 'CS'],
  structureSetLabel: ['30060002', 'SH'],
  structureSetDate: ['30060008', 'DA'],
  structureSetTime: ['30060009', 'TM'],
  treatmentDate: ['30080250', 'DA'],
  treatmentTime: ['30080251', 'TM'],
  rtPlanLabel: ['300A0002', 'SH'],
  rtPlanDate: ['300A0006', 'DA'],
  rtPlanTime: ['300A0007', 'TM'],
} as const satisfies Record<string, readonly [string, string]>;

/** From the first item of Concept Name Code Sequence (0040,A043): the title of a report. */
export const conceptTags = {
  conceptCode: ['00080100', 'SH'],
  conceptScheme: ['00080102', 'SH'],
  conceptMeaning: ['00080104', 'LO'],
} as const satisfies Record<string, readonly [string, string]>;

export const conceptSequence = '0040A043';

/** Beyond this tag nothing is read that a document could not do without: there the caps end the header quietly. */
export const lastNeededTag = 0x0028ffff;

/** Beyond this tag nothing is read at all. */
export const lastHeaderTag = 0x300a0007;

/** tag as eight hex digits to VR */
export const headerVrs: ReadonlyMap<string, string> = new Map(Object.values(headerTags));
export const conceptVrs: ReadonlyMap<string, string> = new Map(Object.values(conceptTags));
