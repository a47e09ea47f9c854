'use strict';
/* Runs on any Node, however old: no modern syntax here. */

/** Ends the process with one line when this Node is too old for Synod. */
module.exports = function requireNode() {
  var parts = process.versions.node.split('.').map(Number);
  if (parts[0] > 20 || (parts[0] === 20 && parts[1] >= 19)) return;
  process.stderr.write(
    'error: Synod needs Node 20.19 or newer, this is ' +
      process.version +
      ': install one from https://nodejs.org\n',
  );
  // At once: the caller's next line may be one that this Node cannot even read.
  process.exit(2);
};
