/** A clock that stands until a test moves it. */
export class TestClock {
  private time: number;

  constructor(start = '2026-01-01T12:00:00Z') {
    this.time = Date.parse(start);
  }

  readonly now = (): Date => new Date(this.time);

  advance(seconds: number): void {
    this.time += Math.round(seconds * 1000);
  }
}
