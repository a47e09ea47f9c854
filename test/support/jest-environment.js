'use strict';
const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

/** The modules of Node and the tests must agree on what these are. */
const SHARED = new Set(['Buffer', 'ArrayBuffer', 'Uint8Array']);

/**
 * Jest's own environment for Node, with a global object that is a plain one. That of Jest is a Proxy behind interceptors
 * of node:vm, through which each use of a global name goes, be it `Map` or `undefined`: simulations take half as long
 * again.
 */
class PlainGlobalEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    const plain = vm.createContext(vm.constants.DONT_CONTEXTIFY);
    for (const name of Reflect.ownKeys(this.global)) {
      if (Object.hasOwn(plain, name) && !SHARED.has(name)) continue;
      const { enumerable } = Object.getOwnPropertyDescriptor(this.global, name);
      const value = this.global[name];
      Object.defineProperty(plain, name, { value, enumerable, writable: true, configurable: true });
    }
    plain.global = plain;
    plain.Error.stackTraceLimit = this.global.Error.stackTraceLimit;
    this.context = plain;
    this.global = plain;
  }
}

module.exports = PlainGlobalEnvironment;
