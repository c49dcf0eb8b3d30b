// A child's way to its parent: a pipe of its own, so that nothing that is printed can be taken for a report.
import { Socket } from 'node:net';
import { toLine } from './lines.ts';

/** The descriptor of the pipe; child-process.ts opens it. */
export const reportDescriptor = 3;

export function openParentChannel<Report>(): { report(report: Report): void; end(): void } {
  const pipe = new Socket({ fd: reportDescriptor, readable: false, writable: true });
  // A parent that is gone hears nothing; the end of stdin tells.
  pipe.on('error', () => {});
  return {
    report: (report) => void pipe.write(toLine(report)),
    end: () => void pipe.end(),
  };
}
