'use strict';
/* Runs on any Node up to the version check: no modern syntax here. */
require('./node-version')();

var fs = require('node:fs');
var path = require('node:path');

function fail(message, exitCode) {
  process.stderr.write('error: ' + message + '\n');
  process.exitCode = exitCode;
}

/** Runs the `main` of dist/cli/<name>.js with the arguments of this process; its result is the exit code. */
module.exports = function launch(name) {
  var file = path.join(__dirname, '..', 'dist', 'cli', name + '.js');
  if (!fs.existsSync(file)) return fail('Synod is not built yet: run npm run build', 2);

  // Without a listener, a reader that went away (as `| head` does) would be a crash with a stack.
  [process.stdout, process.stderr].forEach(function (stream) {
    stream.on('error', function (error) {
      if (error.code !== 'EPIPE') process.exitCode = 1;
    });
  });

  new Promise(function (resolve) {
    resolve(require(file).main(process.argv.slice(2)));
  }).then(
    function (exitCode) {
      process.exitCode = exitCode || 0;
    },
    function (error) {
      if (process.env.SYNOD_DEBUG) return fail((error && error.stack) || String(error), 1);
      if (error && error.code === 'MODULE_NOT_FOUND') {
        return fail(
          'something is not installed or not built: run npm run build (' + firstLine(error) + ')',
          2,
        );
      }
      fail(firstLine(error) + ' (SYNOD_DEBUG=1 shows where)', 1);
    },
  );
};

function firstLine(error) {
  return String((error && error.message) || error).split('\n')[0];
}
