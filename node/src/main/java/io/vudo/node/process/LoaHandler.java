package io.vudo.node.process;

import io.vudo.embedded.Loa;
import io.vudo.protocol.ProcessException;
import java.lang.reflect.Type;
import java.util.List;

/** One function of a Loa behind a name. */
final class LoaHandler implements ProcessHandler {
  private static final int BAD_REQUEST = 400;

  private final Loa loa;
  private final String function;
  private final List<Type> parameters;
  private final long taken;

  LoaHandler(Loa loa, String function) {
    this.loa = loa;
    this.function = function;
    this.parameters = loa.parameters(function);
    this.taken = parameters.stream().filter(type -> type != ProcessCall.class).count();
  }

  @Override
  public Object call(ProcessCall call) throws Exception {
    if (call.args().size() != taken) {
      throw new ProcessException(
          BAD_REQUEST, call.name() + " takes " + taken + " arguments; got " + call.args().size());
    }
    Object[] arguments = new Object[parameters.size()];
    int next = 0;
    for (int i = 0; i < arguments.length; i++) {
      Type type = parameters.get(i);
      if (type == ProcessCall.class) {
        arguments[i] = call;
      } else {
        arguments[i] = Arguments.convert(call.name(), next, call.args().get(next), type);
        next++;
      }
    }
    return loa.call(function, arguments);
  }
}
