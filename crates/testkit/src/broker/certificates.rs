//! Certificates for a broker and for those who connect to it.

use std::path::Path;

use super::run;

/// What they are called.
pub(super) const CERTIFICATES: [&str; 5] = ["ca.pem", "server.pem", "server.key", "client.pem", "client.key"];

/// Makes an authority in a folder, and certificates by it for the broker and for who connects.
pub(super) fn certify(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let [ca, ..] = CERTIFICATES.map(file);
    let key = file("ca.key");
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority"];
    openssl(&[&new[..], &["-keyout", &key, "-out", &ca]].concat());
    for (who, name) in [("server", "localhost"), ("client", "guest")] {
        let [request, extensions] = ["csr", "ext"].map(|end| file(&format!("{who}.{end}")));
        let [own_key, certificate] = ["key", "pem"].map(|end| file(&format!("{who}.{end}")));
        std::fs::write(&extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
        let subject = format!("/CN={name}");
        let new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject];
        openssl(&[&new[..], &["-keyout", &own_key, "-out", &request]].concat());
        let sign = ["x509", "-req", "-days", "2", "-CAcreateserial", "-in", &request, "-CA", &ca];
        openssl(&[&sign[..], &["-CAkey", &key, "-extfile", &extensions, "-out", &certificate]].concat());
    }
}

fn openssl(arguments: &[&str]) {
    run("openssl", arguments);
}
