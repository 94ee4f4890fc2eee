//! What can't be used is refused before anything starts: sheets, configuration, fault plans.

use std::path::Path;

use tempfile::TempDir;

use crate::running::{Said, rehome, write_sheet};

const HEADER: &str = "service_id,customer,old_l3_device,old_l3_port,old_vlan,old_l2_device,old_l2_port,\
    new_l3_device,new_l3_port,new_vlan,new_l2_device,new_l2_port,ip,vrf,description";

/// A row of its own, with these places for VLANs.
fn row(n: u32, old_vlan: &str, new_vlan: &str) -> String {
    format!(
        "LL-{n},ACME,gw1,ge-0/0/{n},{old_vlan},sw1,{n},gw2,ge-0/0/9,{new_vlan},sw2,9,192.0.2.{n}/30,,moved"
    )
}

fn sheet(rows: &[String]) -> Vec<u8> {
    format!("{HEADER}\n{}\n", rows.join("\n")).into_bytes()
}

/// Runs a sheet's bytes, without naming a directory, and checks that nothing was started.
fn refused(name: &str, bytes: &[u8], args: &[&str]) -> Said {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), bytes).unwrap();
    let said = Said::of(rehome(&["run", name]).args(args).current_dir(dir.path()));
    only_holds(dir.path(), &[name]);
    said
}

fn only_holds(dir: &Path, names: &[&str]) {
    let mut found: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, names, "something was started");
}

/// That a sheet is refused with exactly these lines, in English and in Chinese.
#[track_caller]
fn is_refused(name: &str, bytes: &[u8], english: &[&str], chinese: &[&str]) {
    let heads = [
        ("en", format!("the sheet {name} can't be used, nothing was started:"), english),
        ("zh", format!("移机表 {name} 不可用，未启动任何移机："), chinese),
    ];
    for (lang, head, problems) in heads {
        let said = refused(name, bytes, &["--lang", lang]);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        let lines: Vec<&str> = said.stderr.lines().collect();
        assert_eq!(lines[0], head);
        assert_eq!(lines[1..], *problems);
        assert_eq!(said.stdout, "");
    }
}

#[test]
fn every_bad_field_of_every_row_is_told_with_its_line_and_what_was_expected() {
    let rows = [
        row(1, "100", "4095"),
        row(2, "100", "200"),
        row(3, "x", "201"),
        row(4, "", "202"),
        row(5, "100", "203").replace("192.0.2.5/30", "192.0.2.5"),
    ];
    let english = [
        "line 2: new_vlan: is 4095, expected 1 to 4094",
        "line 4: old_vlan: is `x`, expected a VLAN tag from 1 to 4094",
        "line 5: old_vlan: is empty",
        "line 6: ip: is `192.0.2.5`, expected an address with a prefix length, such as 192.0.2.1/30 or 2001:db8::1/64",
    ];
    let chinese = [
        "第 2 行：new_vlan：是 4095，应为 1 到 4094",
        "第 4 行：old_vlan：是 `x`，应为 1 到 4094 的 VLAN",
        "第 5 行：old_vlan：为空",
        "第 6 行：ip：是 `192.0.2.5`，应为带前缀长度的地址，例如 192.0.2.1/30 或 2001:db8::1/64",
    ];
    is_refused("s.csv", &sheet(&rows), &english, &chinese);
}

#[test]
fn a_missing_and_an_unknown_column_are_named() {
    let text = String::from_utf8(sheet(&[row(1, "100", "200")])).unwrap();
    let text = text.replacen("new_vlan", "new_vlna", 1);
    is_refused(
        "s.csv",
        text.as_bytes(),
        &["line 1: column `new_vlna` is not known; column `new_vlan` is missing"],
        &["第 1 行：未知的列 `new_vlna`；缺少列 `new_vlan`"],
    );
}

#[test]
fn two_rows_that_want_the_same_port_and_vlan_are_told_by_both_lines() {
    let rows = [row(1, "100", "200"), row(2, "100", "300"), row(3, "100", "200")];
    is_refused(
        "s.csv",
        &sheet(&rows),
        &[
            "line 4: new_l3_port: wants `l3 gw2/ge-0/0/9:200`, which line 2 wants already",
            "line 4: new_l2_port: wants `l2 sw2/9:200`, which line 2 wants already",
        ],
        &[
            "第 4 行：new_l3_port：占用 `l3 gw2/ge-0/0/9:200`，与第 2 行重复",
            "第 4 行：new_l2_port：占用 `l2 sw2/9:200`，与第 2 行重复",
        ],
    );
}

#[test]
fn half_a_row_is_told_by_how_many_fields_it_has() {
    let mut bytes = sheet(&[row(1, "100", "200"), row(2, "100", "201")]);
    bytes.truncate(bytes.len() - "sw2,9,192.0.2.2/30,,moved\n".len() - 1);
    is_refused(
        "s.csv",
        &bytes,
        &["line 3: has 10 fields, the header has 15"],
        &["第 3 行：有 10 个字段，表头有 15 个"],
    );
}

#[test]
fn a_file_in_gbk_is_told_by_its_first_line_that_is_not_utf8_and_how_to_convert_it() {
    let mut bytes = sheet(&[row(1, "100", "200")]);
    bytes.extend(row(2, "100", "201").into_bytes());
    let customer = bytes.windows(4).rposition(|four| four == b"ACME").unwrap();
    // 上海, in GBK.
    bytes.splice(customer..customer + 4, *b"\xC9\xCF\xBA\xA3");
    is_refused(
        "s.csv",
        &bytes,
        &[
            "line 3: is not UTF-8: save the sheet as \"CSV UTF-8\", or convert it (from GBK: iconv -f GBK -t UTF-8)",
        ],
        &["第 3 行：不是 UTF-8 编码：请另存为“CSV UTF-8”，或转换编码（GBK：iconv -f GBK -t UTF-8）"],
    );
}

#[test]
fn a_quote_that_never_closes_is_told_by_the_line_where_it_opens() {
    let rows =
        [row(1, "100", "200"), row(2, "100", "201").replace(",moved", ",\"moved"), row(3, "100", "202")];
    is_refused(
        "s.csv",
        &sheet(&rows),
        &["line 3: a quoted field begins here and never ends: the file is cut off, or a quote is missing"],
        &["第 3 行：此处开始的引号没有结束：文件被截断，或缺少引号"],
    );
}

#[test]
fn an_empty_file_and_one_with_only_a_header_are_told_apart() {
    is_refused(
        "s.csv",
        b"",
        &["the sheet is empty, expected a header and at least one row"],
        &["移机表为空，应有表头和至少一行"],
    );
    is_refused("s.csv", &sheet(&[]), &["the sheet has no rows"], &["移机表没有数据行"]);
}

#[test]
fn a_json_sheet_is_told_by_object_and_by_place() {
    is_refused(
        "s.json",
        br#"[7, {"service_id": true}]"#,
        &[
            "object 1: is a number, expected an object",
            "object 2: service_id: is a boolean, expected a text or a number",
        ],
        &["第 1 个对象：是数字，应为对象", "第 2 个对象：service_id：是布尔值，应为文本或数字"],
    );
    let said = refused("s.json", b"[{]", &[]);
    said.is(2, &["not a JSON array of objects", "line 1"]);
}

#[test]
fn a_sheet_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (lang, words) in [("en", "can't be read"), ("zh", "无法读取移机表")] {
        let said = Said::of(rehome(&["run", "nowhere.csv", "--lang", lang]).current_dir(dir.path()));
        said.is(2, &["nowhere.csv", words]);
        only_holds(dir.path(), &[]);
    }
}

/// A directory with a good sheet and another file.
fn beside(name: &str, text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_sheet(&dir.path().join("good.csv"), 1);
    std::fs::write(dir.path().join(name), text).unwrap();
    dir
}

#[test]
fn a_wrong_key_type_or_range_in_the_configuration_names_the_key_and_the_file() {
    let text = "[supervisor]\nbach = 1\nin_flight = \"many\"\nbatch = 0\n[retry]\nfirst_ms = 9\nmax_ms = 8\n";
    let dir = beside("site.toml", text);
    let lines = |lang: &str| -> Vec<String> {
        let args = ["run", "good.csv", "--config", "site.toml", "--lang", lang];
        let said = Said::of(rehome(&args).current_dir(dir.path()));
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        said.stderr.lines().map(str::to_owned).collect()
    };
    let english = [
        "supervisor.bach: is not known, expected one of batch, in_flight (in site.toml)",
        "supervisor.in_flight: is `many`, expected a whole number (in site.toml)",
        "supervisor.batch: is 0, expected 1 to 10000 (in site.toml)",
        "retry.max_ms: is 8, expected at least retry.first_ms, which is 9 (in site.toml)",
    ];
    let chinese = [
        "supervisor.bach：未知的配置项，应为 batch, in_flight 之一（来自 site.toml）",
        "supervisor.in_flight：是 `many`，应为整数（来自 site.toml）",
        "supervisor.batch：是 0，应为 1 到 10000（来自 site.toml）",
        "retry.max_ms：是 8，不应小于 retry.first_ms，后者是 9（来自 site.toml）",
    ];
    assert_eq!(lines("en"), english);
    assert_eq!(lines("zh"), chinese);
    only_holds(dir.path(), &["good.csv", "site.toml"]);
}

#[test]
fn a_wrong_key_type_or_range_in_the_environment_names_the_key_and_the_variable() {
    for (variable, value, english, chinese) in [
        ("REHOME__STORE__SINC", "full", "store.sinc: is not known", "未知的配置项"),
        ("REHOME__STORE__READERS", "none", "store.readers: is `none`, expected a whole number", "应为整数"),
        ("REHOME__RUN__IN_FLIGHT", "0", "run.in_flight: is 0, expected 1 to 1000000", "应为 1 到 1000000"),
        (
            "REHOME__STORE__SYNC",
            "never",
            "store.sync: unknown variant `never`",
            "store.sync：unknown variant",
        ),
        ("REHOME__LOG__LEVEL", "loud", "log.level: `loud` is not a log filter", "log.level：`loud`"),
    ] {
        let dir = beside("other", "");
        for (lang, words) in [("en", english), ("zh", chinese)] {
            let mut command = rehome(&["run", "good.csv", "--lang", lang]);
            let said = Said::of(command.env(variable, value).current_dir(dir.path()));
            said.is(2, &[variable, words]);
            only_holds(dir.path(), &["good.csv", "other"]);
        }
    }
}

#[test]
fn a_configuration_that_is_not_there_or_not_toml_is_named() {
    let dir = beside("site.toml", "[supervisor]\nbatch = = 1\n");
    for (lang, missing) in [("en", "can't be read"), ("zh", "无法读取配置文件")] {
        let check = |file: &str| {
            let args = ["check", "--config", file, "--lang", lang];
            Said::of(rehome(&args).current_dir(dir.path()))
        };
        check("nowhere.toml").is(2, &["nowhere.toml", missing]);
        check("site.toml").is(2, &["site.toml", "2"]);
    }
}

#[test]
fn a_wrong_fault_plan_is_told_by_key_and_nothing_is_started() {
    let plan = "\
        [[fault]]\nlayer = \"l3\"\noperation = \"reserve\"\nprobability = 2\nwhat = \"refuse\"\n\
        [[fault]]\nlayer = \"l2\"\nwhat = \"slow\"\n\
        [[operator]]\nrelocation = \"failed\"\ndo = \"cancel\"\n";
    let dir = beside("plan.toml", plan);
    let problems = [
        "fault[0].probability: is 2, expected 0 to 1",
        "fault[1].delay_ms: is missing, expected milliseconds",
        "operator[0].reason: is missing, cancel needs one",
    ];
    let heads = [("en", "the fault plan plan.toml can't be used"), ("zh", "故障计划 plan.toml 不可用")];
    for (lang, head) in heads {
        let args = ["run", "good.csv", "--faults", "plan.toml", "--lang", lang];
        let said = Said::of(rehome(&args).current_dir(dir.path()));
        said.is(2, &[head]);
        said.is(2, &problems);
        only_holds(dir.path(), &["good.csv", "plan.toml"]);
    }

    let unknown = beside("plan.toml", "[[fault]]\nlayer = \"l4\"\nwhat = \"refuse\"\n");
    let args = ["run", "good.csv", "--faults", "plan.toml"];
    Said::of(rehome(&args).current_dir(unknown.path())).is(2, &["fault[0].layer", "`l4`", "line 2"]);
    let args = ["run", "good.csv", "--faults", "nowhere.toml"];
    Said::of(rehome(&args).current_dir(unknown.path())).is(2, &["nowhere.toml"]);
    only_holds(unknown.path(), &["good.csv", "plan.toml"]);
}
