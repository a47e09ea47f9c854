'use strict';
/* Runs a TypeScript program of the tests with the compiler that the tests use: node test/e2e/run.js <program> [arguments] */
const { resolve } = require('node:path');
require('../support/typescript');

const [program] = process.argv.splice(2, 1);
require(resolve(__dirname, program))
  .main()
  .then(
    (exitCode) => {
      process.exitCode = exitCode;
    },
    (error) => {
      process.stderr.write(`error: ${error.message}\n`);
      process.exitCode = 1;
    },
  );
