export { suggestion } from '../../base/index.ts';
