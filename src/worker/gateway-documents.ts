/** The operations of the worker protocol. A test validates them against schema.graphql. */

export const REGISTER_WORKER = /* GraphQL */ `
  mutation RegisterWorker($input: RegisterWorkerInput!) {
    registerWorker(input: $input) {
      __typename
      ... on RegisterWorkerSuccess { token worker { id name } }
      ... on Error { message }
    }
  }
`;

export const SIGN_ON_WORKER = /* GraphQL */ `
  mutation SignOnWorker($input: SignOnWorkerInput!) {
    signOnWorker(input: $input) {
      __typename
      ... on SignOnWorkerSuccess { sessionId requestedStatus heartbeatSeconds leaseSeconds }
      ... on Error { message }
    }
  }
`;

export const SYNC_WORKER = /* GraphQL */ `
  mutation SyncWorker($input: SyncWorkerInput!) {
    syncWorker(input: $input) {
      __typename
      ... on SyncWorkerSuccess {
        assignments {
          attemptToken
          attempt { id number }
          task { id name type job { id name files { path bytes modifiedAt sha256 } } }
          commands { name parameters }
        }
        stops { attemptToken reason }
        reports {
          __typename
          ... on ReportAccepted { attemptToken sequence }
          ... on StaleAttemptError { attemptToken message }
        }
        requestedStatus
        heartbeatSeconds
      }
      ... on SessionEndedError { reason }
      ... on InvalidInputError { issues { path message } }
      ... on Error { message }
    }
  }
`;

export const APPEND_TASK_LOG = /* GraphQL */ `
  mutation AppendTaskLog($input: AppendTaskLogInput!) {
    appendTaskLog(input: $input) {
      __typename
      ... on AppendTaskLogSuccess { nextOffset truncated }
      ... on SessionEndedError { reason }
      ... on StaleAttemptError { attemptToken }
      ... on Error { message }
    }
  }
`;

export const PUT_FRAME_PICTURE = /* GraphQL */ `
  mutation PutFramePicture($input: PutFramePictureInput!) {
    putFramePicture(input: $input) {
      __typename
      ... on SessionEndedError { reason }
      ... on Error { message }
    }
  }
`;

export const SIGN_OFF_WORKER = /* GraphQL */ `
  mutation SignOffWorker($input: SignOffWorkerInput!) {
    signOffWorker(input: $input) {
      __typename
      ... on Error { message }
    }
  }
`;
