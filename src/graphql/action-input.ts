import { builder } from './builder.ts';

export const COMMENT = 'Why, for those who read the event feed; at most 2,000 characters.';

/** The input of an action on one thing. */
export function actionInput(name: string, description: string, id: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({ id: t.id({ required: true, description: id }), comment: t.string({ description: COMMENT }) }),
  });
}

/** The input of the same action on many. */
export function manyInput(name: string, description: string, ids: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({
      ids: t.idList({ required: true, description: ids }),
      comment: t.string({ description: COMMENT }),
    }),
  });
}
