//! Each verb as a user or a script calls it: what it prints in both languages, its JSON, its exit code.

use std::{io::Write, path::Path, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::running::{Said, rehome, repository, run, write_sheet};

/// A directory with a finished run of three relocations.
struct Finished {
    dir: TempDir,
    services: Vec<String>,
}

impl Finished {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let requests = write_sheet(&dir.path().join("sheet.csv"), 3);
        let finished =
            Self { dir, services: requests.into_iter().map(|request| request.service_id).collect() };
        finished.run().json(0);
        finished
    }

    fn run(&self) -> Said {
        Said::of(&mut run(&self.dir.path().join("sheet.csv"), &self.data(), None))
    }

    fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    /// A verb on its data.
    fn verb(&self, args: &[&str]) -> Said {
        Said::of(rehome(args).arg("--data").arg(self.data()))
    }

    /// The exported journal of one of its tickets.
    fn journal(&self) -> String {
        let exported = self.verb(&["export", &self.services[0]]);
        exported.is(0, &[]);
        exported.stdout
    }
}

#[test]
fn help_is_in_the_language_asked_for_or_the_environments() {
    Said::of(&mut rehome(&["--help"])).is(0, &["Usage: rehome [OPTIONS] <COMMAND>", "Exit codes:"]);
    let chinese = ["用法: rehome [选项] <命令>", "命令:", "通用选项:", "退出码:"];
    Said::of(&mut rehome(&["--lang", "zh", "--help"])).is(0, &chinese);
    Said::of(rehome(&["--help"]).env("LANG", "zh_CN.UTF-8")).is(0, &chinese);
    let of_run = ["用法: rehome run [选项] <SHEET>", "参数:", "选项:", "示例:", "只预占", "[默认: auto]"];
    Said::of(&mut rehome(&["run", "--lang", "zh", "--help"])).is(0, &of_run);
    Said::of(rehome(&["run", "--help"]).env("LC_ALL", "zh_CN.UTF-8")).is(0, &of_run);
}

#[test]
fn mistakes_in_the_arguments_end_with_2_and_are_told_in_both_languages() {
    Said::of(&mut rehome(&["fly"])).is(2, &["unrecognized subcommand 'fly'"]);
    Said::of(&mut rehome(&["fly", "--lang", "zh"])).is(2, &["未知的命令 'fly'", "用法: rehome"]);
    Said::of(&mut rehome(&["run"])).is(2, &["<SHEET>"]);
    Said::of(&mut rehome(&["run", "--lang=zh"])).is(2, &["缺少必需的参数：<SHEET>"]);
    let wrong = ["run", "sheet.csv", "--deploy", "never"];
    Said::of(&mut rehome(&wrong)).is(2, &["'never'", "--deploy", "auto, manual"]);
    Said::of(rehome(&wrong).env("LANG", "zh_CN.UTF-8")).is(2, &["'never' 无效，可选：auto, manual"]);
    Said::of(&mut rehome(&["list", "--data", "x", "--status", "gone"])).is(2, &["'gone'", "cutover_pending"]);
    Said::of(&mut rehome(&[])).is(2, &["Usage: rehome"]);
}

#[test]
fn a_run_told_as_json_has_every_ticket_and_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = repository("examples/relocations-3.json");
    let document = Said::of(&mut run(&sheet, &dir.path().join("data"), None)).json(0);
    assert_eq!(document["succeeded"], true);
    assert_eq!(document["stopped"], false);
    assert_eq!(document["data"], dir.path().join("data").to_str().unwrap());
    assert_eq!(document["counts"][0]["tickets"], 3);
    assert_eq!(document["counts"][0]["status"], "succeeded");
    assert_eq!(document["not_begun"], 0);
    for empty in ["without_ticket", "discrepancies"] {
        assert_eq!(document[empty], Value::Array(Vec::new()), "{empty}");
    }
    for ticket in document["tickets"].as_array().unwrap() {
        for (key, value) in
            [("reservation", "reserved"), ("cutover", "cut_over"), ("disposition", "completed")]
        {
            assert_eq!(ticket[key], value, "{ticket}");
        }
        assert!(ticket["relocation"].is_string() && ticket["service_id"].is_string(), "{ticket}");
    }
}

#[test]
fn a_run_told_to_people_fits_80_columns_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.toml");
    let faults = [("l3", "teardown"), ("l3", "install"), ("l2", "swap")];
    let faults = faults.map(|(layer, operation)| {
        format!("[[fault]]\nlayer = \"{layer}\"\noperation = \"{operation}\"\nprobability = 0.3\nwhat = \"refuse\"\n")
    });
    let refused = "[[fault]]\noperation = \"reserve\"\nprobability = 0.2\nwhat = \"refuse\"\n";
    std::fs::write(&plan, faults.concat() + refused).unwrap();
    let sheet = repository("examples/relocations-200.csv");
    for lang in ["en", "zh"] {
        let said = Said::of(
            rehome(&["run", "--lang", lang])
                .arg(&sheet)
                .args(["--data".as_ref(), dir.path().join("data").as_os_str()])
                .args(["--faults".as_ref(), plan.as_os_str()]),
        );
        said.is(1, &["l3_teardown_and_install_failed", "l3_torn_down_install_failed", "succeeded"]);
        if lang == "zh" {
            said.is(1, &["移机状态", "三层切换拆失败，装失败", "客户业务中断", "可执行："]);
        }
        let (table, _) = said.stdout.split_once("\n\n").unwrap();
        for line in table.lines() {
            let columns: usize = line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum();
            assert!(columns <= 80, "{columns} columns: {line}");
        }
    }
}

#[test]
fn progress_says_what_it_counts_and_goes_to_stderr() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = dir.path().join("sheet.csv");
    write_sheet(&sheet, 10);
    for (lang, last) in
        [("en", "10 of 10 relocations ended or waiting"), ("zh", "已结束或等待：10/10 个移机")]
    {
        let data = dir.path().join(lang);
        let said = Said::of(
            rehome(&["run", "--deploy", "manual", "--lang", lang]).arg(&sheet).arg("--data").arg(data),
        );
        assert_eq!(said.code, Some(1), "reserved is not yet relocated");
        assert!(said.stderr.contains(last), "{}", said.stderr);
        assert!(!said.stdout.contains(last), "{}", said.stdout);
    }
}

#[test]
fn list_shows_each_ticket_and_picks_by_status_and_by_who_waits() {
    let finished = Finished::new();
    let listed = finished.verb(&["list", "--json"]).json(0);
    let services: Vec<&str> =
        listed["tickets"].as_array().unwrap().iter().map(|t| t["service_id"].as_str().unwrap()).collect();
    assert_eq!(services.len(), 3);
    assert!(finished.services.iter().all(|service| services.contains(&service.as_str())), "{services:?}");
    let none = |args: &[&str]| finished.verb(args).json(0)["tickets"] == Value::Array(Vec::new());
    assert!(none(&["list", "--json", "--status", "failed"]) && none(&["list", "--json", "--waiting"]));
    assert!(!none(&["list", "--json", "--status", "succeeded"]));
    finished.verb(&["list"]).is(0, &["relocation", "succeeded", "cut_over", &finished.services[2]]);
    finished.verb(&["list", "--lang", "zh"]).is(0, &["移机状态", "succeeded 移机成功"]);
}

#[test]
fn show_finds_a_ticket_by_service_and_by_id_and_tells_its_history() {
    let finished = Finished::new();
    let service = finished.services[1].as_str();
    let shown = finished.verb(&["show", service, "--json"]).json(0);
    assert_eq!(shown["summary"]["service_id"], service);
    assert_eq!(shown["journal"].as_array().unwrap().len(), shown["summary"]["version"]);
    let actions = shown["actions"].as_array().unwrap();
    assert!(actions.iter().all(|action| action["allowed"] == false && action["why_not"].is_object()));
    let id = shown["summary"]["relocation"].as_str().unwrap();
    assert_eq!(finished.verb(&["show", id, "--json"]).json(0), shown);
    finished.verb(&["show", id]).is(0, &["what came in", "install done", "new place"]);
    finished.verb(&["show", id, "--lang", "zh"]).is(0, &["装成功", "新址", "三层配置装置"]);
    finished.verb(&["show", "nobody"]).is(2, &["no ticket `nobody`", "rehome list"]);
    finished.verb(&["show", "nobody", "--lang", "zh"]).is(2, &["没有工单 `nobody`"]);
}

#[test]
fn where_there_is_no_data_the_verbs_say_so_and_make_none() {
    let dir = tempfile::tempdir().unwrap();
    for verb in [&["list"][..], &["show", "x"], &["export", "x"]] {
        Said::of(rehome(verb).arg("--data").arg(dir.path())).is(2, &["no Rehome data", "--data"]);
        let chinese = Said::of(rehome(verb).arg("--lang=zh").arg("--data").arg(dir.path()));
        chinese.is(2, &["没有 Rehome 数据"]);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    // One directory too high: it is told where there is some.
    let below = dir.path().join("faults");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(below.join("rehome.db"), "").unwrap();
    let place = below.display().to_string();
    for verb in [&["list"][..], &["pause", "--reason", "x"]] {
        Said::of(rehome(verb).arg("--data").arg(dir.path())).is(2, &["there is some in", &place]);
    }
}

#[test]
fn an_exported_journal_replays_to_the_same_statuses_from_a_file_and_from_stdin() {
    let finished = Finished::new();
    let journal = finished.journal();
    let file = finished.dir.path().join("ticket.jsonl");
    std::fs::write(&file, &journal).unwrap();
    let replayed = Said::of(rehome(&["replay", "--json"]).arg(&file)).json(0);
    assert_eq!(replayed["same"], true);
    assert_eq!(replayed["entries_same"], journal.lines().count());
    assert_eq!(replayed["difference"], Value::Null);
    Said::of(rehome(&["replay"]).arg(&file)).is(0, &["succeeded", "the table gives the same"]);

    let mut child = rehome(&["replay", "-", "--lang", "zh"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(journal.as_bytes()).unwrap();
    Said::by(child.wait_with_output().unwrap()).is(0, &["与转换表一致"]);
}

#[test]
fn a_tampered_journal_does_not_replay_and_where_it_differs_is_told() {
    let finished = Finished::new();
    let journal = finished.journal();
    let replay = |text: &str, args: &[&str]| {
        let file = finished.dir.path().join("tampered.jsonl");
        std::fs::write(&file, text).unwrap();
        Said::of(rehome(&["replay"]).args(args).arg(&file))
    };
    let last = journal.lines().count();
    let lie = journal.replace(r#""relocation_status":"succeeded""#, r#""relocation_status":"abnormal""#);
    let where_it_is = format!("entry {last} differs in `relocation_status`");
    replay(&lie, &[]).is(1, &[&format!("{} entries are the same", last - 1), &where_it_is]);
    replay(&lie, &["--lang", "zh"]).is(1, &[&format!("第 {last} 条的 `relocation_status` 不一致")]);
    let told = replay(&lie, &["--json"]).json(1);
    assert_eq!((&told["same"], &told["entries_same"]), (&Value::Bool(false), &Value::from(last - 1)));
    assert!(told["difference"].as_str().unwrap().starts_with(&where_it_is), "{told}");

    let hole: String =
        journal.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, l)| format!("{l}\n")).collect();
    replay(&hole, &[]).is(1, &["entry 3 was expected"]);
    replay("", &[]).is(1, &["the journal is empty"]);
    replay("nonsense\n", &[]).is(2, &["line 1"]);
    replay(&journal.replacen(r#""seq":2"#, r#""seq":"two""#, 1), &[]).is(2, &["line 2, at seq"]);
    Said::of(&mut rehome(&["replay", "no/such/file"])).is(2, &["no/such/file"]);
}

#[test]
fn check_of_sound_data_is_all_well_and_says_where_each_setting_comes_from() {
    let finished = Finished::new();
    let checked = finished.verb(&["check", "--json"]).json(0);
    assert_eq!((&checked["good"], &checked["data"][0]["tickets"]), (&Value::Bool(true), &Value::from(3)));
    let from = |key: &str| {
        let settings = checked["configuration"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).unwrap()["from"].clone()
    };
    assert_eq!(from("run.in_flight"), "built_in");
    assert_eq!(from("store.sync")["environment"], "REHOME__STORE__SYNC");
    finished.verb(&["check"]).is(0, &["built in", "REHOME__STORE__SYNC", "3 tickets", "all is well"]);
    finished.verb(&["check", "--lang", "zh"]).is(0, &["内置", "3 个工单", "一切正常"]);
}

#[test]
fn the_documents_in_the_repository_are_what_schema_prints_now() {
    for (args, file) in [
        (&["schema", "table"][..], "docs/table.md"),
        (&["schema", "table", "--lang", "zh"], "docs/table.zh.md"),
        (&["schema", "diagram"], "docs/diagram.svg"),
        (&["schema", "asyncapi"], "docs/asyncapi.json"),
        (&["schema", "openapi"], "docs/openapi.json"),
        (&["schema", "tmf641"], "docs/tmf641.md"),
    ] {
        let printed = Said::of(&mut rehome(args));
        printed.is(0, &[]);
        let kept = std::fs::read_to_string(repository(file)).unwrap();
        assert!(printed.stdout == kept, "{file} is not what is printed any more: run `just docs`");
    }
    let rows = Said::of(&mut rehome(&["schema", "table", "--format", "json"])).json(0);
    let ids: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    // Row 1 is the submission, which starts from no ticket.
    for law in 2..=20 {
        let number = |id: &str| id.trim_end_matches(char::is_alphabetic).to_owned();
        assert!(ids.iter().any(|id| number(id) == law.to_string()), "row {law} is not among {ids:?}");
    }
    Said::of(&mut rehome(&["schema", "diagram", "--format", "mermaid"])).is(0, &["stateDiagram"]);
}

#[test]
fn bench_measures_the_whole_path_beside_the_bare_limit_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let bench = |args: &[&str]| {
        Said::of(rehome(&["bench", "-n", "50"]).args(args).current_dir(dir.path()).env("TMPDIR", dir.path()))
    };
    let report = bench(&["--json"]).json(0);
    assert_eq!((&report["relocations"], &report["unsuccessful"]), (&Value::from(50), &Value::from(0)));
    assert_eq!(report["rows"], report["bare_rows"]);
    for figure in ["per_second", "bare_per_second", "ratio", "p50_ms", "p99_ms", "peak_mib"] {
        assert!(report[figure].as_f64().unwrap() > 0.0, "{figure}: {report}");
    }
    bench(&[]).is(0, &["whole path", "bare limit", "relocations/s"]);
    bench(&["--lang", "zh"]).is(0, &["全流程", "数据库极限", "每秒"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_service_with_several_tickets_is_asked_for_by_id() {
    let finished = Finished::new();
    // The same circuits go back: other bytes, so other relocations of the same services.
    let back = finished.dir.path().join("back.csv");
    swap_places(&finished.dir.path().join("sheet.csv"), &back);
    Said::of(&mut run(&back, &finished.data(), None)).json(0);
    let service = finished.services[0].as_str();
    let asked = finished.verb(&["show", service]);
    asked.is(2, &[&format!("several tickets for `{service}`")]);
    let id = asked.stderr.lines().last().unwrap();
    finished.verb(&["show", id]).is(0, &[service]);
}

/// Writes a sheet whose relocations go the other way.
fn swap_places(sheet: &Path, to: &Path) {
    let text = std::fs::read_to_string(sheet).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let swapped: Vec<String> = header
        .split(',')
        .map(|column| match column.split_once('_') {
            Some(("old", what)) => format!("new_{what}"),
            Some(("new", what)) => format!("old_{what}"),
            _ => column.to_owned(),
        })
        .collect();
    std::fs::write(to, format!("{}\n{rows}", swapped.join(","))).unwrap();
}

#[test]
fn a_pause_is_shown_by_check_refuses_a_second_resume_and_holds_a_run_back_until_it_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = repository("examples/relocations-3.json");
    let at = |verb: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rehome"));
        command.args([verb, "--data"]).arg(dir.path()).env("REHOME__TIMERS__POLL_MS", "20");
        command
    };
    let said = |command: &mut std::process::Command| {
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    // A directory without data has nothing to pause.
    assert_eq!(said(at("pause").args(["--reason", "x"])).0, Some(2));
    run(&sheet, dir.path(), None).args(["--deploy", "manual"]).output().unwrap();
    let (code, text) = said(at("pause").args(["--reason", "line card swap"]));
    assert!(
        code == Some(0) && text.contains("paused: everything") && text.contains("line card swap"),
        "{text}"
    );
    assert!(said(&mut at("check")).1.contains("paused: everything"));
    // Nothing is cut over meanwhile.
    assert_eq!(run(&sheet, dir.path(), None).output().unwrap().status.code(), Some(1));
    let done = ["--reason", "swapped"];
    let (code, text) = said(at("resume").args(["--device", "gw-1"]).args(done));
    assert!(code == Some(2) && text.contains("not paused by itself"), "{text}");
    let (code, text) = said(&mut at("resume"));
    assert!(code == Some(2) && text.contains("--reason"), "{text}");
    assert_eq!(said(at("resume").args(done)).1, "nothing is paused\n");
    assert_eq!(run(&sheet, dir.path(), None).output().unwrap().status.code(), Some(0));
    let (code, text) = said(at("drain").args(["--reason", "new release", "--timeout", "0"]));
    assert!(code == Some(1) && text.ends_with("may not have heard of it yet\n"), "{text}");
    let (code, text) = said(at("drain").args(["--reason", "new release"]));
    assert!(code == Some(0) && text.ends_with("0 under way\n"), "{text}");
}

#[test]
fn a_plan_tells_what_a_run_will_change_and_after_it_that_all_is_so_already() {
    let dir = tempfile::tempdir().unwrap();
    let (sheet, data) = (dir.path().join("sheet.csv"), dir.path().join("data"));
    write_sheet(&sheet, 2);
    let before = Said::of(rehome(&["plan"]).arg(&sheet).env("REHOME__DATA__DIR", dir.path()));
    before.is(0, &["now: in service for", "reserve\n  + ", "cutover\n  - "]);
    let chinese =
        Said::of(rehome(&["plan", "--lang", "zh"]).arg(&sheet).env("REHOME__DATA__DIR", dir.path()));
    chinese.is(0, &["现在：在用", "预占回滚"]);
    Said::of(&mut run(&sheet, &data, None)).json(0);
    let after = Said::of(rehome(&["plan", "--json"]).arg(&sheet).arg("--data").arg(&data)).json(0);
    let orders = after["plans"].as_array().unwrap().iter().flat_map(|one| {
        let devices = one["plan"]["devices"].as_array().unwrap();
        devices.iter().flat_map(|device| device["orders"].as_array().unwrap())
    });
    let cutovers: Vec<&Value> = orders.filter(|order| order["order"] == "cutover").collect();
    assert!(
        cutovers.len() >= 4 && cutovers.iter().all(|order| order["changes"] == serde_json::json!([])),
        "{after:#}"
    );
}
