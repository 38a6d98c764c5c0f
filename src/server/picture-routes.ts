import { validate as isUuid } from 'uuid';
import { FIRST_FRAME, LAST_FRAME } from '../domain/frame-range.ts';
import { decodeId } from '../graphql/global-id.ts';
import { findLatestPicture, findPicture, readPicture } from '../store/pictures.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';
import { refuse } from './errors.ts';
import type { Route } from './routes.ts';

export interface PictureRouteDeps {
  readonly store: Pick<Store, 'pool' | 'picturesPerJob'>;
  /** @throws GraphQLError UNAUTHENTICATED for a token that nobody has */
  authenticate(caller: Caller): Promise<unknown>;
}

/** A picture under its own id never becomes another one; but only whoever may ask here may keep it. */
const KEEP = 'private, max-age=31536000, immutable';
/** The next one may be another picture: ask again, which costs no bytes while it is the same. */
const ASK_AGAIN = 'private, no-cache';

/**
 * `/frames/JOB/FRAME.jpg`: a small picture of a rendered frame. With `?v=` and the id of the picture that is there, as
 * Frame.imageUrl has it, it may be kept for good. `/frames/JOB/latest.jpg`: the one that was made last.
 */
export function pictureRoutes(deps: PictureRouteDeps): Route[] {
  const { pool, picturesPerJob } = deps.store;
  return [
    {
      path: '/frames/JOB/latest.jpg',
      methods: ['GET'],
      async answer(request, { caller, parameters }) {
        await deps.authenticate(caller);
        const jobId = decodeId('Job', parameters.JOB ?? '');
        const id = jobId && (await findLatestPicture(pool, jobId));
        if (!id) return refuse('NOT_FOUND', 'There is no picture of this job yet, or there is no job with this id.');
        return await sendPicture(request, deps, id, ASK_AGAIN);
      },
    },
    {
      path: '/frames/JOB/FRAME.jpg',
      methods: ['GET'],
      async answer(request, { caller, parameters }) {
        await deps.authenticate(caller);
        const jobId = decodeId('Job', parameters.JOB ?? '');
        const frame = readFrameNumber(parameters.FRAME ?? '');
        if (frame === null)
          return refuse(
            'NOT_FOUND',
            `"${parameters.FRAME}" is no frame: write its number, as in 57.jpg, or latest.jpg.`,
          );
        const version = new URL(request.url).searchParams.get('v');
        const id = jobId && (await findPicture(pool, jobId, frame, isUuid(version) ? version : null));
        if (!id) {
          const kept = picturesPerJob.toLocaleString('en');
          const message = `There is no picture of frame ${frame} of this job: none was rendered yet, or it is not among the newest ${kept} that are kept of a job.`;
          return refuse('NOT_FOUND', message);
        }
        return await sendPicture(request, deps, id, id === version ? KEEP : ASK_AGAIN);
      },
    },
  ];
}

async function sendPicture(
  request: Request,
  { store }: PictureRouteDeps,
  id: string,
  cacheControl: string,
): Promise<Response> {
  const headers = { ETag: `"${id}"`, 'Cache-Control': cacheControl };
  if (isSame(request.headers.get('if-none-match'), headers.ETag)) return new Response(null, { status: 304, headers });
  const jpeg = await readPicture(store.pool, id);
  if (!jpeg) return refuse('NOT_FOUND', 'The picture was replaced at this moment: ask again.');
  const body = request.method === 'HEAD' ? null : new Uint8Array(jpeg);
  return new Response(body, {
    headers: { ...headers, 'Content-Type': 'image/jpeg', 'Content-Length': String(jpeg.length) },
  });
}

/** If-None-Match: a list of tags, weak ones too, or `*` for any (RFC 9110, 13.1.2). */
function isSame(ifNoneMatch: string | null, tag: string): boolean {
  const given = ifNoneMatch?.split(',').map((part) => part.trim().replace(/^W\//, '')) ?? [];
  return given.includes(tag) || given.includes('*');
}

function readFrameNumber(text: string): number | null {
  const frame = /^-?\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  return frame >= FIRST_FRAME && frame <= LAST_FRAME ? frame : null;
}
