import type { ExampleOperation } from './graphiql.ts';

/** What GraphiQL starts with: one tab each, to run as they are. */
export const EXAMPLE_OPERATIONS: readonly ExampleOperation[] = [
  {
    query: `# The newest jobs, and how far they are.
query Jobs {
  jobs(first: 10) {
    nodes {
      id
      name
      status
      progress
      secondsLeft
      waitingFor
      taskCounts { total completed failed }
    }
  }
}
`,
  },
  {
    query: `# A job without Blender: five tasks that print and wait.
mutation Submit {
  submitJob(input: {
    type: "echo-sleep-test"
    name: "first job"
    settings: { message: "hello", sleepSeconds: 1, repeats: 5 }
  }) {
    ... on SubmitJobSuccess { job { id status } }
    ... on Error { code message }
  }
}
`,
  },
  {
    query: `# Each status as it changes. Run it, then submit a job in another tab.
subscription Watch {
  statusChanges {
    ... on StatusChangeBatch {
      changes {
        sequence
        at
        reason
        ... on JobStatusChange { jobFrom jobTo }
        ... on TaskStatusChange { taskName taskFrom taskTo }
      }
    }
    ... on Error { code message }
  }
}
`,
  },
  {
    query: `# Which status may follow which.
query Statuses {
  jobStatuses { status meaning possibleNextStatuses }
  taskStatuses { status meaning possibleNextStatuses }
}
`,
  },
];
