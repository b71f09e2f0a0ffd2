;; Three functions, for a Ghost over modules in one JVM: price.toml.
(module
  (func (export "multiply") (param i32 i32) (result i32)
    (i32.mul (local.get 0) (local.get 1)))
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  ;; 19 percent
  (func (export "tax") (param i32) (result i32)
    (i32.div_s (i32.mul (local.get 0) (i32.const 19)) (i32.const 100))))
