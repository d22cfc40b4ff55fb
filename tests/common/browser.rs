//! Looks at a page in Chromium, by chromedriver's WebDriver protocol.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// Whether there is a browser to look with. Without one a test says that it skips, unless
/// `WFR_TEST_CHROMIUM=require` asks for it.
pub fn is_there() -> bool {
    let found = |program| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if found("chromium") && found("chromedriver") {
        return true;
    }
    let is_required = std::env::var("WFR_TEST_CHROMIUM").is_ok_and(|value| value == "require");
    assert!(!is_required, "chromium or chromedriver is missing, and WFR_TEST_CHROMIUM=require");
    eprintln!("skipped: there is no chromium with chromedriver to look at the page");
    false
}

/// What is wrong with a page in a window of that width, in words: errors in the console, pictures
/// that do not decode, and contents wider than the window.
pub fn problems(page: &Path, width: u32) -> Vec<String> {
    let browser = Browser::start(width);
    let url = format!("file://{}", page.canonicalize().unwrap().display());
    browser.ask("POST", "/url", &json!({ "url": url }));
    let found = browser.ask("POST", "/execute/async", &json!({ "script": SCRIPT, "args": [] }));
    let mut problems: Vec<String> = serde_json::from_value(found["problems"].clone()).unwrap();
    assert!(found["pictures"].as_u64().unwrap() > 0, "there is no picture to look at");
    if found["innerWidth"] != json!(width) {
        problems.push(format!("the window became {} wide", found["innerWidth"]));
    }
    let log = browser.ask("POST", "/se/log", &json!({ "type": "browser" }));
    let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
    problems.extend(severe.map(|entry| format!("console: {}", entry["message"])));
    if let Some(folder) = std::env::var_os("WFR_TEST_PICTURES") {
        let picture = browser.ask("GET", "/screenshot", &Value::Null);
        let text = picture.as_str().unwrap().to_string();
        let name = Path::new(&folder).join(format!("screenshot-{width}.png.base64"));
        fs::write(name, text).unwrap();
    }
    problems
}

/// Every picture, also those in drawings, decoded; and the width of what the page holds.
const SCRIPT: &str = r"
const done = arguments[arguments.length - 1];
const problems = [];
const sources = [...document.images].map(image => image.src)
    .concat([...document.querySelectorAll('svg image')].map(image => image.getAttribute('href')));
const decode = async source => {
    const image = new Image();
    image.src = source;
    try {
        await image.decode();
        if (!(image.naturalWidth > 0)) problems.push('an empty picture');
    } catch (error) {
        problems.push('a picture that does not decode: ' + source.slice(0, 60));
    }
};
const shown = [...document.querySelectorAll('figure > svg, figure > img')];
for (const picture of shown) {
    const box = picture.getBoundingClientRect();
    if (box.width < 100 || box.height < 50) problems.push('a picture of no size');
    if (!(picture.alt || picture.getAttribute('aria-label'))) problems.push('a picture without a name');
}
Promise.all(sources.map(decode)).then(() => {
    const wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) problems.push('the page is ' + wide + ' wide in ' + innerWidth);
    done({ problems, innerWidth, pictures: shown.length });
});";

/// A browser in a session of its own, ended when dropped.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    fn start(width: u32) -> Browser {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let port = line.split_once("successfully on port ")?.1;
            port.trim_end_matches('.').parse().ok()
        });
        let mut browser = Browser { driver, port: port.unwrap(), session: String::new() };
        // Windows are not narrower than 500 pixels; a phone's screen is.
        let screen = json!({ "width": width, "height": 900, "pixelRatio": 1 });
        let options = json!({
            "binary": "/usr/bin/chromium",
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            "mobileEmulation": { "deviceMetrics": screen },
        });
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.request("POST", "/session", &capabilities);
        let session = session["sessionId"].as_str();
        browser.session = format!("/session/{}", session.expect("the driver has a session"));
        browser
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.request(method, &format!("{}{path}", self.session), body)
    }

    /// The value of the answer.
    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = BufReader::new(stream);
        let (mut status, mut length) = (String::new(), 0);
        answer.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        // The driver keeps the connection open.
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", "", &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
