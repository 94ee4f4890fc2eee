//! What a test plays on: a `rehome serve` of its own with simulated devices, and a browser of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use thirtyfour::prelude::*;

/// Long enough for any machine; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The password that tests choose.
const PASSWORD: &str = "correct horse battery staple";

/// Where the repository is.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `rehome serve`, killed with this.
pub(crate) struct Serving {
    child: Child,
    pub(crate) at: String,
    /// The first user's one-time password, if this start made one.
    pub(crate) first: Option<String>,
}

impl Serving {
    fn start(data: &Path, faults: Option<&Path>, listen: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehome"));
        command.arg("serve").arg("--data").arg(data).args(["--listen", listen]).env("RUST_LOG", "warn");
        if let Some(faults) = faults {
            command.arg("--faults").arg(faults);
        }
        let mut child =
            command.current_dir(repository()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut first) = (String::new(), None);
        let at = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended: {said}");
            if let Some((_, password)) = line.split_once("password") {
                first = password
                    .split_whitespace()
                    .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
                    .find(|word| word.len() >= 12)
                    .map(str::to_owned)
                    .or(first);
            }
            if let Some((_, at)) = line.split_once("http=") {
                break at.trim().trim_matches('"').to_owned();
            }
            said.push_str(&line);
        };
        // Somebody must read on, or the process waits for it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, at, first }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The browser's driver, killed with this and its browsers with it.
struct Chromedriver {
    child: Child,
    at: String,
}

impl Chromedriver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: scripts/setup installs it");
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "chromedriver ended");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, at: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stage.
pub(crate) struct Stage {
    pub(crate) serving: Serving,
    driver: Chromedriver,
    faults: Option<PathBuf>,
    pub(crate) data: TempDir,
}

impl Stage {
    /// Sets it up, with this fault plan. The first user has chosen a password.
    pub(crate) async fn set(faults: Option<&str>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let faults = faults.map(|plan| {
            let path = data.path().join("faults.toml");
            std::fs::write(&path, plan).unwrap();
            path
        });
        let serving = Serving::start(&data.path().join("data"), faults.as_deref(), "127.0.0.1:0");
        let stage = Self { serving, driver: Chromedriver::start(), faults, data };
        let first = stage.serving.first.clone().expect("the first start tells a password");
        let page = stage.browser().await;
        page.sign_in(&first).await;
        page.fill("input[name=old]", &first).await;
        page.fill("input[name=new]", PASSWORD).await;
        page.click("main form button").await;
        page.until("table.tickets").await;
        page.close().await;
        stage
    }

    /// Kills the server and starts it again at the same address.
    pub(crate) fn restart(&mut self) {
        let at = self.serving.at.clone();
        let _ = self.serving.child.kill();
        let _ = self.serving.child.wait();
        self.serving = Serving::start(&self.data.path().join("data"), self.faults.as_deref(), &at);
    }

    /// A browser where nobody is signed in.
    pub(crate) async fn browser(&self) -> Page {
        let mut wanted = DesiredCapabilities::chrome();
        let profile = tempfile::tempdir().unwrap();
        let profile_arg = format!("--user-data-dir={}", profile.path().display());
        for flag in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1440,900",
            "--lang=en",
            profile_arg.as_str(),
        ] {
            wanted.add_arg(flag).unwrap();
        }
        let driver = WebDriver::new(&self.driver.at, wanted).await.unwrap();
        Page { driver, base: format!("http://{}", self.serving.at), _profile: profile }
    }

    /// A browser where the first user is signed in.
    pub(crate) async fn signed_in(&self) -> Page {
        let page = self.browser().await;
        page.sign_in(PASSWORD).await;
        page.until("table.tickets").await;
        page
    }
}

/// An open browser.
pub(crate) struct Page {
    pub(crate) driver: WebDriver,
    base: String,
    _profile: TempDir,
}

impl Page {
    pub(crate) async fn close(self) {
        self.driver.quit().await.unwrap();
    }

    pub(crate) async fn open(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    async fn sign_in(&self, password: &str) {
        self.open("/").await;
        self.fill("input[name=name]", "admin").await;
        self.fill("input[name=password]", password).await;
        self.click("main form button").await;
    }

    /// Waits for an element.
    pub(crate) async fn until(&self, css: &str) -> WebElement {
        self.driver
            .query(By::Css(css))
            .wait(PATIENCE, Duration::from_millis(100))
            .first()
            .await
            .unwrap_or_else(|error| panic!("{css} does not come: {error}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        self.until(css).await.click().await.unwrap();
    }

    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.until(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.until(css).await.text().await.unwrap()
    }

    /// Waits until an element says this, without reloading.
    pub(crate) async fn until_says(&self, css: &str, wanted: &str) {
        let begun = Instant::now();
        loop {
            // What is swapped between finding and reading is found anew.
            let said = match self.driver.find(By::Css(css)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if said.contains(wanted) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{css} says {said:?}, never {wanted:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a page has so many of these elements.
    pub(crate) async fn until_count(&self, css: &str, wanted: usize) {
        let begun = Instant::now();
        loop {
            let found = self.driver.find_all(By::Css(css)).await.unwrap_or_default().len();
            // Between two pages there is nothing at all.
            if found == wanted && self.driver.find(By::Css("main")).await.is_ok() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{found} of {css}, never {wanted}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a script gives.
    pub(crate) async fn script(&self, script: &str) -> serde_json::Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }
}
