// A Node process that imports the packages with which `tcw run` starts, and does nothing with them.
import { Ajv } from 'ajv';
import 'ajv-formats';
import 'amqplib';
import 'commander';
import 'hawk';
import 'mime';
import 'pino';
import 'rxjs';

// ajv loads its compiler only when an instance is made.
new Ajv();
process.once('disconnect', () => process.exit());
process.send?.('ready');
