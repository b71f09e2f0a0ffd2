/** How the client speaks to nodes: requests with failover, and watches. */
package io.vudo.client.internal;
