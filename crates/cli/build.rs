//! Lets a copied or installed `carrot` find libmujoco where it was built: the workspace's own rpath is relative to `target/`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MUJOCO_DYNAMIC_LINK_DIR");
    let on_linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if let (true, Ok(dir)) = (on_linux, std::env::var("MUJOCO_DYNAMIC_LINK_DIR")) {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{dir}");
    }
}
