// A Node that imports the packages that `tcw run` starts with, and does nothing with them.
import { Ajv } from 'ajv';
import 'ajv-formats';
import 'amqplib';
import 'commander';
import 'hawk';
import 'mime';
import 'pino';
import 'rxjs';

// ajv has everything that it compiles with only when there is one.
new Ajv();
process.once('disconnect', () => process.exit());
process.send?.('ready');
