import { InvalidArgumentError } from 'commander';

/** Reads an option's value; a wrong one is a usage error that says what is allowed. */
export function wholeNumber(minimum: number, maximum: number): (value: string) => number {
  return (value) => {
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= minimum && number <= maximum) return number;
    const format = (limit: number) => limit.toLocaleString('en', { useGrouping: maximum > 65_535 });
    throw new InvalidArgumentError(`It must be a whole number from ${format(minimum)} to ${format(maximum)}.`);
  };
}
