import { z } from 'zod';
import { VERSION } from '../version';
import { API_ERRORS } from './errors';
import { API_METHODS } from './methods';

type JsonSchema = Readonly<Record<string, unknown>>;

function params(
  schema: z.ZodType,
): { name: string; required: boolean; schema: unknown; description?: unknown }[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  }) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: property,
    ...(property['description'] !== undefined && { description: property['description'] }),
  }));
}

/** The client API as an OpenRPC 1.3 document, made from the schemas that validate each call. */
export function openRpcDocument(): JsonSchema {
  const errors = Object.values(API_ERRORS).map(({ code, name, meaning, definite, retry }) => ({
    code,
    message: name,
    data: { meaning, definite, retry },
  }));
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Synod',
      version: VERSION,
      description: 'A replicated key/value store. POST /rpc on any server.',
    },
    methods: Object.entries(API_METHODS).map(([name, method]) => ({
      name,
      summary: method.summary,
      paramStructure: 'by-name',
      params: params(method.params),
      result: { name: 'result', schema: z.toJSONSchema(method.result, { unrepresentable: 'any' }) },
      errors,
    })),
  };
}
