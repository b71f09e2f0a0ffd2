/**
 * The node over gRPC, and the one definition of what it can be asked for: the services of {@code
 * vudo.gateway.v1}.
 *
 * <p>Nothing is done here. A call is translated to a request of the {@link
 * io.vudo.node.internal.Route} that its definition names, answered by the gateway, and the answer
 * translated back. So both doors have the same rules, and the JSON of one is the messages of the
 * other.
 */
package io.vudo.node.internal.grpc;
