/** The OpenAPI 3.1 document of the public API, made from the schemas that the client parses with. */
import * as schemas from '@radpass/client';
import { z } from 'zod';

interface Operation {
  method: 'get' | 'post';
  path: string;
  summary: string;
  /** JSON by a schema, or what the bytes are. */
  answer?: z.ZodType | string;
  query?: string[];
}

const operations: Operation[] = [
  { method: 'get', path: '/health', summary: 'Is the node up' },
  { method: 'get', path: '/status', summary: 'Heights, checkpoints, peers, version', answer: schemas.statusSchema },
  { method: 'post', path: '/v1/transactions', summary: 'Hand in a signed tuple', answer: schemas.submittedSchema },
  {
    method: 'get',
    path: '/v1/transactions/{id}',
    summary: 'A transaction and its grade',
    answer: schemas.transactionSchema,
  },
  { method: 'get', path: '/v1/blocks/{idOrHeight}', summary: 'A block', answer: schemas.blockSchema },
  { method: 'get', path: '/v1/sources', summary: 'The directory of sources', answer: schemas.sourcesSchema },
  {
    method: 'get',
    path: '/v1/sources/{key}',
    summary: 'One source',
    answer: schemas.sourceSchema,
    query: ['proofs'],
  },
  {
    method: 'get',
    path: '/v1/studies',
    summary: 'Studies by prefix of their hash or of their owner',
    answer: schemas.studiesSchema,
    query: ['hashPrefix', 'patientPrefix', 'proofs'],
  },
  {
    method: 'get',
    path: '/v1/grants',
    summary: 'Consent entries by prefix of the requester or of the study hash',
    answer: schemas.grantsSchema,
    query: ['requesterPrefix', 'hashPrefix', 'proofs'],
  },
  {
    method: 'get',
    path: '/v1/proof',
    summary: 'A leaf of the final state with its proof',
    answer: schemas.proofSchema,
    query: ['table', 'key'],
  },
  {
    method: 'get',
    path: '/v1/audit',
    summary: 'What every source was to do and did in an epoch, or one source with its proof',
    answer: schemas.auditSchema,
    query: ['epoch', 'source'],
  },
  { method: 'get', path: '/v1/genesis', summary: 'The genesis of the network', answer: 'genesis' },
  {
    method: 'get',
    path: '/v1/checkpoint',
    summary: 'The newest final block, for light clients',
    answer: 'an update of docs/light-client.md',
  },
  {
    method: 'get',
    path: '/v1/certificate',
    summary: 'From the era of a root block to later ones, for light clients',
    answer: 'an update of docs/light-client.md',
    query: ['from'],
  },
  {
    method: 'get',
    path: '/v1/committee/{root}',
    summary: 'The voters of the era of a root block',
    answer: 'voters of docs/light-client.md',
  },
  {
    method: 'get',
    path: '/v1/recovery/{root}',
    summary: 'The recovery checkpoint that ended the era of a root block',
    answer: 'a checkpoint file of docs/light-client.md',
  },
  { method: 'get', path: '/v1/producers', summary: 'Blocks produced by each source', answer: schemas.producersSchema },
  {
    method: 'get',
    path: '/v1/seq',
    summary: 'The least seq that would be taken',
    answer: schemas.seqBoundSchema,
    query: ['sourceKey', 'studyHash', 'patientKey', 'requesterKey'],
  },
  { method: 'get', path: '/v1/events', summary: 'Server-sent events with a cursor', query: ['cursor'] },
];

export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(match => parameter(match[1] ?? '', 'path'));
    const inQuery = (operation.query ?? []).map(name => parameter(name, 'query'));
    const content = operation.answer && contentOf(operation.answer);
    paths[operation.path] = {
      [operation.method]: {
        summary: operation.summary,
        parameters: [...inPath, ...inQuery],
        responses: {
          [operation.method === 'post' ? '202' : '200']: {
            description: operation.summary,
            ...(content ? { content } : {}),
          },
          default: { description: '{"error": {code, message, detail}}' },
        },
      },
    };
  }
  return { openapi: '3.1.0', info: { title: 'Radpass node', version }, paths };
}

function contentOf(answer: z.ZodType | string): object {
  return typeof answer === 'string'
    ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary', description: answer } } }
    : { 'application/json': { schema: z.toJSONSchema(answer, { io: 'input' }) } };
}

function parameter(name: string, place: 'path' | 'query'): object {
  return { name, in: place, required: place === 'path', schema: { type: 'string' } };
}
