import { CYCLES_DEVICES, type WorkerDevice } from '../domain/worker-device.ts';
import type { RequestTiming, WorkerStatus, WorkerStatusRequest } from '../domain/worker-status.ts';
import { inOrderOf } from '../feed/read-together.ts';
import { deleteWorker } from '../store/delete-worker.ts';
import {
  countWorkers,
  listWorkers,
  ORDER_OF_WORKERS,
  type WorkerFilter as StoredWorkerFilter,
} from '../store/list-workers.ts';
import { requestWorkerStatus } from '../store/request-worker-status.ts';
import { updateWorker } from '../store/update-worker.ts';
import { AttemptRef } from './attempt.ts';
import { builder, enumFromTable } from './builder.ts';
import { askedFor } from './child-page.ts';
import { connectionOf } from './connection.ts';
import { orUserError, resultUnion } from './errors.ts';
import { decodeId, requireId } from './global-id.ts';
import { CHECKS, findIssues, refuseArguments, refuseIssues } from './input.ts';
import { readPage } from './page.ts';
import { RequestTimingEnum, WorkerStatusEnum, WorkerStatusRequestEnum } from './status.ts';
import { readWorker } from './stored.ts';

export const CyclesDeviceEnum = enumFromTable('CyclesDevice', 'What Cycles renders on.', CYCLES_DEVICES);

const WorkerDeviceType = builder.objectRef<WorkerDevice>('WorkerDevice').implement({
  description: 'A device of a worker that Cycles can render on.',
  fields: (t) => ({
    type: t.expose('type', { type: CyclesDeviceEnum, description: 'Of which kind it is.' }),
    name: t.exposeString('name', { description: 'What its driver calls it.' }),
  }),
});

export const WorkerRef = builder.prismaNode('Worker', {
  nullable: true,
  id: { field: 'id', description: 'The global id.' },
  description: 'A process on some machine that executes tasks.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is called; no two workers share a name.' }),
    status: t.field({
      type: WorkerStatusEnum,
      description: 'Where it stands.',
      resolve: ({ status }) => status as WorkerStatus,
    }),
    requestedStatus: t.field({
      type: WorkerStatusRequestEnum,
      nullable: true,
      description: 'What a user asked of it and it has not done yet.',
      resolve: ({ status, requestedStatus }) =>
        requestedStatus === status ? null : (requestedStatus as WorkerStatusRequest | null),
    }),
    taskTypes: t.exposeStringList('taskTypes', { description: 'The task types that it takes.' }),
    tags: t.exposeStringList('tags', { description: 'Its tags: a job with a worker tag is for workers that have it.' }),
    platform: t.exposeString('platform', { description: 'Its operating system and processor.' }),
    version: t.exposeString('version', {
      description: 'Its version of this program; empty before it first signed on.',
    }),
    blenderVersions: t.exposeStringList('blenderVersions', { description: 'The Blenders that it has.' }),
    devices: t.field({
      type: [WorkerDeviceType],
      description: 'What Cycles can render on there.',
      resolve: ({ devices }) => devices as unknown as WorkerDevice[],
    }),
    offers: t.exposeStringList('offers', {
      description: 'What tasks may need and it has: its Blenders (`blender:5.2`), its roots (`root:proj`), …',
    }),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', description: 'When it last gave a sign of life.' }),
    currentAttempts: t.field({
      type: [AttemptRef],
      description: 'What it is executing.',
      select: { attempts: { where: { endedAt: null }, orderBy: { startedAt: 'asc' } } },
      resolve: ({ attempts }) => attempts,
    }),
  }),
});

const WorkerConnection = connectionOf('Worker', WorkerRef, 'workers');

export const WorkerFilter = builder.inputType('WorkerFilter', {
  description: 'Which workers.',
  fields: (t) => ({
    statuses: t.field({ type: [WorkerStatusEnum], description: 'Only those with one of these statuses.' }),
    tag: t.string({ description: 'Only those with this tag.' }),
  }),
});

/** @throws GraphQLError BAD_REQUEST */
export function toWorkerFilter(filter: typeof WorkerFilter.$inferInput | null | undefined): StoredWorkerFilter {
  refuseArguments('filter', findIssues<typeof WorkerFilter.$inferInput>(filter ?? {}, { tag: CHECKS.search }));
  return filter ?? {};
}

builder.queryFields((t) => ({
  worker: t.prismaField({
    type: 'Worker',
    nullable: true,
    description: 'A worker by its id; null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (query, _root, args, { store }) => {
      const id = decodeId('Worker', args.id);
      return id ? await store.prisma.worker.findFirst({ ...query, where: { id, deletedAt: null } }) : null;
    },
  }),
  workers: t.field({
    type: WorkerConnection,
    description: 'The workers of the farm, by name.',
    args: { ...t.arg.connectionArgs(), filter: t.arg({ type: WorkerFilter, description: 'Which ones.' }) },
    resolve: (_root, { filter, ...page }, context, info) => {
      const { store } = context;
      const wanted = toWorkerFilter(filter);
      return readPage(page, {
        order: ORDER_OF_WORKERS,
        async read(window) {
          const ids = await listWorkers(store, wanted, window);
          const rows = await store.prisma.worker.findMany({ ...askedFor(context, info), where: { id: { in: ids } } });
          return inOrderOf(ids, rows);
        },
        count: () => countWorkers(store, wanted),
      });
    },
  }),
}));

const WorkerSuccess = builder.objectRef<{ workerId: string }>('WorkerSuccess').implement({
  description: 'It was done.',
  fields: (t) => ({
    worker: t.prismaField({
      type: 'Worker',
      description: 'The worker as it is now.',
      resolve: readWorker,
    }),
  }),
});
const WorkerResult = resultUnion('WorkerResult', WorkerSuccess, [
  'NotFoundError',
  'InvalidInputError',
  'ForbiddenError',
]);

const DeleteWorkerSuccess = builder.objectRef<{ deletedId: string }>('DeleteWorkerSuccess').implement({
  description: 'The worker is deleted.',
  fields: (t) => ({ deletedId: t.exposeID('deletedId', { description: 'Its id.' }) }),
});
const DeleteWorkerResult = resultUnion('DeleteWorkerResult', DeleteWorkerSuccess, ['NotFoundError', 'ForbiddenError']);

const RequestWorkerStatusInput = builder.inputType('RequestWorkerStatusInput', {
  description: 'What a worker is to do.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The worker.' }),
    status: t.field({ type: WorkerStatusRequestEnum, required: true, description: 'What it is to do.' }),
    timing: t.field({
      type: RequestTimingEnum,
      required: true,
      defaultValue: 'NOW' satisfies RequestTiming,
      description: 'When.',
    }),
  }),
});
const UpdateWorkerInput = builder.inputType('UpdateWorkerInput', {
  description: 'What to change of a worker. Absent: left as it is.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The worker.' }),
    name: t.string({ description: 'Its new name.' }),
    tags: t.stringList({ description: 'Its tags, whatever it brings when it signs on; null: what it brings.' }),
    taskTypes: t.stringList({
      description: 'Its task types, whatever it brings when it signs on; null: what it brings.',
    }),
  }),
});
const DeleteWorkerInput = builder.inputType('DeleteWorkerInput', {
  description: 'Which worker to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The worker.' }) }),
});

builder.mutationFields((t) => ({
  requestWorkerStatus: t.field({
    type: WorkerResult,
    description: 'Asks a worker to be awake, asleep or offline, or to restart.',
    args: { input: t.arg({ type: RequestWorkerStatusInput, required: true, description: 'Which worker, and what.' }) },
    resolve: (_root, { input }, { store }) =>
      orUserError(async () => {
        const workerId = requireId('Worker', input.id);
        await requestWorkerStatus(store, workerId, input.status, input.timing);
        return { workerId };
      }),
  }),
  updateWorker: t.field({
    type: WorkerResult,
    description: "Changes a worker's name, tags or task types.",
    args: { input: t.arg({ type: UpdateWorkerInput, required: true, description: 'Which worker, and what.' }) },
    resolve: (_root, { input }, { store }) =>
      orUserError(async () => {
        const { id, ...update } = input;
        refuseIssues(findIssues(update, { name: CHECKS.name, tags: CHECKS.words, taskTypes: CHECKS.words }));
        const workerId = requireId('Worker', id);
        await updateWorker(store, workerId, update);
        return { workerId };
      }),
  }),
  deleteWorker: t.field({
    type: DeleteWorkerResult,
    description: 'Deletes a worker. What it is executing waits for another one, and does not count as failed.',
    args: { input: t.arg({ type: DeleteWorkerInput, required: true, description: 'Which worker.' }) },
    resolve: (_root, { input }, { store }) =>
      orUserError(async () => {
        await deleteWorker(store, requireId('Worker', input.id));
        return { deletedId: input.id };
      }),
  }),
}));
