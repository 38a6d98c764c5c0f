import { ask, type Gateway, operation } from './gateway.ts';
import { buildSubmission, type SettingInfo, type SubmissionRequest, type SubmitJobInput } from './submission.ts';

const JOB_TYPE = operation<{ jobType: { settings: readonly SettingInfo[] } | null }, { name: string }>(`
  query JobType($name: String!) { jobType(name: $name) { settings { key type sceneSource } } }`);

/** What was typed, as the gateway's job type wants it. @throws CommandFailure */
export async function prepareSubmission(gateway: Gateway, request: SubmissionRequest): Promise<SubmitJobInput> {
  const { jobType } = await ask(gateway, JOB_TYPE, { name: request.type });
  return await buildSubmission(request, jobType?.settings ?? []);
}
