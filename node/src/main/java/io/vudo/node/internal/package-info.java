/**
 * What a node is made of, for this module only. {@link io.vudo.node.internal.NodeAssembly} puts it
 * together; {@link io.vudo.node.internal.Gateway} is its HTTP side, {@link
 * io.vudo.node.internal.Deployments} and {@link io.vudo.node.internal.ModuleStore} are what it
 * remembers beside Spirits and tuples. The command line shares the parts that have nothing to do
 * with actors: JSON, quantities, the version.
 */
package io.vudo.node.internal;
