/** Test support: speedscope's file format as a JSON schema, after the types of its file-format-spec.ts; sampled profiles only. */
export const SPEEDSCOPE_SCHEMA: object = {
  type: 'object',
  required: ['version', '$schema', 'shared', 'profiles'],
  additionalProperties: false,
  properties: {
    version: { type: 'string' },
    $schema: { const: 'https://www.speedscope.app/file-format-schema.json' },
    name: { type: 'string' },
    exporter: { type: 'string' },
    activeProfileIndex: { type: 'integer', minimum: 0 },
    shared: {
      type: 'object',
      required: ['frames'],
      additionalProperties: false,
      properties: {
        frames: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name'],
            additionalProperties: false,
            properties: {
              name: { type: 'string' },
              file: { type: 'string' },
              line: { type: 'number' },
              col: { type: 'number' },
            },
          },
        },
      },
    },
    profiles: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'name', 'unit', 'startValue', 'endValue', 'samples', 'weights'],
        additionalProperties: false,
        properties: {
          type: { const: 'sampled' },
          name: { type: 'string' },
          unit: { enum: ['none', 'nanoseconds', 'microseconds', 'milliseconds', 'seconds', 'bytes'] },
          startValue: { type: 'number' },
          endValue: { type: 'number' },
          samples: { type: 'array', items: { type: 'array', items: { type: 'integer', minimum: 0 } } },
          weights: { type: 'array', items: { type: 'number', minimum: 0 } },
        },
      },
    },
  },
};
