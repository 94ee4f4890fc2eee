use jiff::Timestamp;
use proptest::prelude::*;
use rehome_domain::{
    lang::Lang,
    request::{Place, Window},
};

use super::*;

const DEADLINES: Deadlines = Deadlines { reserve_ms: 1, cutover_ms: 2, rollback_ms: 3, inspect_ms: 4 };

const HEADER: &str = "service_id,customer,old_l3_device,old_l3_port,old_vlan,old_inner_vlan,old_l2_device,old_l2_port,\
    new_l3_device,new_l3_port,new_vlan,new_inner_vlan,new_l2_device,new_l2_port,ip,vrf,description";

fn line(service: &str, new_vlan: &str) -> String {
    format!(
        "{service},ACME,gw1,ge-0/0/1,100,,sw1,1,gw2,ge-0/0/2,{new_vlan},,sw2,2,192.0.2.1/30,,{service} moved"
    )
}

fn csv(lines: &[&str]) -> String {
    let mut text = HEADER.to_owned();
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text
}

fn read_csv(text: &str) -> Result<Sheet, SheetError> {
    parse(text.as_bytes(), Format::Csv, DEADLINES)
}

/// What a person is told, line by line.
fn told(result: Result<Sheet, SheetError>) -> Vec<String> {
    result.unwrap_err().to_string().lines().map(str::to_owned).collect()
}

/// A row's cells as they stand in a sheet.
fn cells(request: &Request) -> [String; COLUMNS.len()] {
    let place = |place: &Place| {
        let inner = place.inner_vlan.map(|tag| tag.to_string()).unwrap_or_default();
        let Place { l3_device, l3_port, vlan, l2_device, l2_port, .. } = place.clone();
        [l3_device, l3_port, vlan.to_string(), inner, l2_device, l2_port]
    };
    let [a, b, c, d, e, f] = place(&request.old);
    let [g, h, i, j, k, l] = place(&request.new);
    let time = |end: fn(&Window) -> Timestamp| {
        request.window.as_ref().map(|w| end(w).to_string()).unwrap_or_default()
    };
    let vrf = request.vrf.clone().unwrap_or_default();
    let (service, customer) = (request.service_id.clone(), request.customer.clone());
    let (start, end) = (time(|window| window.start), time(|window| window.end));
    let (ip, description) = (request.ip.clone(), request.description.clone());
    [service, customer, a, b, c, d, e, f, g, h, i, j, k, l, ip, vrf, description, start, end]
}

/// Writes requests as a CSV sheet with its columns in this order.
fn write_csv(requests: &[Request], order: &[usize], crlf: bool) -> Vec<u8> {
    let terminator = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
    let mut writer = ::csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    writer.write_record(order.iter().map(|place| COLUMNS[*place].name)).unwrap();
    for request in requests {
        let cells = cells(request);
        writer.write_record(order.iter().map(|place| &cells[*place])).unwrap();
    }
    writer.into_inner().unwrap()
}

fn write_json(requests: &[Request], order: &[usize]) -> Vec<u8> {
    let object = |request: &Request| {
        let cells = cells(request);
        let entry = |place: &usize| {
            let (name, cell) = (COLUMNS[*place].name, &cells[*place]);
            let value = match cell.parse::<u64>() {
                Ok(number) if name.ends_with("vlan") => number.into(),
                _ if cell.is_empty() => serde_json::Value::Null,
                _ => cell.clone().into(),
            };
            (name.to_owned(), value)
        };
        order.iter().map(entry).collect::<serde_json::Map<_, _>>()
    };
    serde_json::to_vec(&requests.iter().map(object).collect::<Vec<_>>()).unwrap()
}

/// Texts as they may stand in a cell: anything but control characters, and no blanks at the ends.
fn a_text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,20}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("not blank", |text| !text.is_empty())
}

fn a_place() -> impl Strategy<Value = Place> {
    let tag = 1u16..=4094;
    (a_text(), a_text(), tag.clone(), prop::option::of(tag), a_text(), a_text()).prop_map(
        |(l3_device, l3_port, vlan, inner_vlan, l2_device, l2_port)| Place {
            l3_device,
            l3_port,
            vlan,
            inner_vlan,
            l2_device,
            l2_port,
        },
    )
}

fn a_request() -> impl Strategy<Value = Request> {
    let window = prop::option::of((0i64..2_000_000_000, 1i64..100_000));
    let address = prop_oneof!["(1[0-9]{2}\\.){3}7/(2[0-9]|3[0-2])", "2001:db8::[0-9a-f]{1,4}/64"];
    (a_text(), a_text(), a_place(), a_place(), address, prop::option::of(a_text()), a_text(), window)
        .prop_map(|(service_id, customer, old, new, ip, vrf, description, window)| Request {
            service_id,
            customer,
            old,
            new,
            ip,
            vrf,
            description,
            window: window.map(|(start, length)| Window {
                start: Timestamp::from_second(start).unwrap(),
                end: Timestamp::from_second(start + length).unwrap(),
            }),
            external_id: None,
            hold: false,
            deadlines: DEADLINES,
        })
}

fn an_order() -> impl Strategy<Value = Vec<usize>> {
    Just((0..COLUMNS.len()).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #[test]
    fn what_is_written_is_read_again_in_both_formats_and_any_order_of_columns(
        requests in prop::collection::vec(a_request(), 1..6), order in an_order(), crlf: bool, bom: bool,
    ) {
        prop_assume!(requests.iter().all(|request| request.validate().is_ok()));
        let distinct: std::collections::HashSet<_> = requests.iter().flat_map(Request::resources).collect();
        prop_assume!(distinct.len() == 3 * requests.len());
        let mark = if bom { "\u{feff}".as_bytes() } else { b"" };
        let as_csv = [mark, &write_csv(&requests, &order, crlf)].concat();
        let as_json = [mark, &write_json(&requests, &order)].concat();
        for (bytes, format) in [(as_csv, Format::Csv), (as_json, Format::Json)] {
            let sheet = parse(&bytes, format, DEADLINES).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let read: Vec<Request> = sheet.rows.iter().map(|row| (*row.request).clone()).collect();
            prop_assert_eq!(&read, &requests);
        }
    }

    #[test]
    fn no_bytes_whatever_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in [Format::Csv, Format::Json] {
            if let Err(error) = parse(&bytes, format, DEADLINES) {
                prop_assert!(!error.sentence(Lang::Zh).is_empty());
            }
        }
    }

    #[test]
    fn a_sheet_torn_at_any_byte_or_with_any_byte_changed_is_read_whole_or_refused(
        requests in prop::collection::vec(a_request(), 1..3), at: prop::sample::Index, other: u8, tear: bool,
    ) {
        let order: Vec<usize> = (0..COLUMNS.len()).collect();
        for (mut bytes, format) in [
            (write_csv(&requests, &order, false), Format::Csv),
            (write_json(&requests, &order), Format::Json),
        ] {
            let at = at.index(bytes.len());
            if tear { bytes.truncate(at) } else { bytes[at] = other }
            match parse(&bytes, format, DEADLINES) {
                Ok(sheet) => prop_assert!(sheet.rows.iter().all(|row| row.request.validate().is_ok())),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn every_fault_of_every_row_is_told_with_its_line_field_and_what_was_expected() {
    let text = csv(&[
        &line("S1", "200"),
        &line("S2", "4095"),
        "too,few",
        "S3,,gw1,p,abc,0,sw1,1,gw2,p,,7,sw2,2,192.0.2.1,,d",
    ]);
    assert_eq!(
        told(read_csv(&text)),
        [
            "line 3: new_vlan: is 4095, expected 1 to 4094",
            "line 4: has 2 fields, the header has 17",
            "line 5: old_vlan: is `abc`, expected a VLAN tag from 1 to 4094",
            "line 5: new_vlan: is empty",
            "line 5: customer: is empty",
            "line 5: old_inner_vlan: is 0, expected 1 to 4094",
            "line 5: ip: is `192.0.2.1`, expected an address with a prefix length, such as 192.0.2.1/30 or 2001:db8::1/64",
        ]
    );
}

#[test]
fn two_rows_that_want_the_same_target_or_service_are_named_both() {
    let text = csv(&[&line("S1", "200"), &line("S2", "201"), &line("S1", "202"), &line("S4", "201")]);
    assert_eq!(
        told(read_csv(&text)),
        [
            "line 4: service_id: wants `service S1`, which line 2 wants already",
            "line 5: new_l3_port: wants `l3 gw2/ge-0/0/2:201`, which line 3 wants already",
            "line 5: new_l2_port: wants `l2 sw2/2:201`, which line 3 wants already",
        ]
    );
}

#[test]
fn missing_unknown_and_doubled_columns_are_named() {
    let header = HEADER.replace("customer,", "").replace("vrf", "vfr,ip");
    assert_eq!(
        told(read_csv(&format!("{header}\nx"))),
        ["line 1: column `vfr` is not known; column `ip` stands there twice; column `customer` is missing"]
    );
}

#[test]
fn columns_whose_cells_may_be_empty_may_be_left_out() {
    let (header, row) =
        (HEADER.replace("old_inner_vlan,", "").replace("new_inner_vlan,", ""), line("S1", "200"));
    let row = row.replace("100,,", "100,").replace("200,,", "200,");
    let sheet = read_csv(&format!("{header}\n{row}")).unwrap();
    assert_eq!(sheet.rows[0].request, read_csv(&csv(&[&line("S1", "200")])).unwrap().rows[0].request);
}

#[test]
fn a_sheet_separated_by_semicolons_is_told_so() {
    let text = csv(&[&line("S1", "200")]).replace(',', ";");
    assert_eq!(told(read_csv(&text)), ["line 1: the columns are separated by `;`, expected commas"]);
}

#[test]
fn a_sheet_cut_off_within_quotes_is_refused_even_where_its_last_row_has_all_fields() {
    let text = csv(&[&line("S1", "200").replace("S1 moved", "\"S1 mov")]);
    assert_eq!(
        told(read_csv(&text)),
        ["line 2: a quoted field begins here and never ends: the file is cut off, or a quote is missing"]
    );
}

#[test]
fn bytes_that_are_not_utf8_are_refused_by_line() {
    let mut gbk = csv(&[&line("S1", "200"), ""]).into_bytes();
    gbk.extend(b"S2,\xd6\xd0\xb9\xfa");
    let error = parse(&gbk, Format::Csv, DEADLINES).unwrap_err();
    assert!(matches!(error, SheetError::Encoding { line: 3, utf16: false }), "{error}");
    let utf16: Vec<u8> = "\u{feff}service_id".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = parse(&utf16, Format::Csv, DEADLINES).unwrap_err();
    assert!(matches!(error, SheetError::Encoding { utf16: true, .. }), "{error}");
}

#[test]
fn sheets_with_nothing_in_them_are_refused() {
    for nothing in ["", " \n\n", "\u{feff}"] {
        assert!(matches!(read_csv(nothing), Err(SheetError::Empty)), "{nothing:?}");
    }
    assert!(matches!(read_csv(HEADER), Err(SheetError::NoRows)));
    assert!(matches!(parse(b"[]", Format::Json, DEADLINES), Err(SheetError::NoRows)));
}

#[test]
fn a_field_of_a_megabyte_is_refused_without_being_repeated() {
    let huge = "9".repeat(1 << 20);
    for row in [line("S1", &huge), line(&huge, "200")] {
        let told = told(read_csv(&csv(&[&row])));
        assert!(told.iter().all(|line| line.len() < 200), "a message must not repeat the field");
        assert!(!told.is_empty());
    }
}

#[test]
fn a_window_needs_both_ends_in_their_order() {
    let with = |start: &str, end: &str| {
        let text = csv(&[&line("S1", "200")]);
        let (header, row) = text.split_once('\n').unwrap();
        told(read_csv(&format!("{header},window_start,window_end\n{row},{start},{end}")))
    };
    assert_eq!(
        with("2026-11-30T01:00:00Z", ""),
        ["line 2: window_end: is empty although window_start is given"]
    );
    assert_eq!(
        with("", "2026-11-30T01:00:00Z"),
        ["line 2: window_start: is empty although window_end is given"]
    );
    assert_eq!(
        with("2026-11-30T01:00:00Z", "2026-11-30T01:00:00Z"),
        ["line 2: window_end: is not after window_start"]
    );
    assert_eq!(
        with("tomorrow", "2026-11-30T01:00:00Z"),
        ["line 2: window_start: is `tomorrow`, expected a time such as 2026-11-30T01:00:00Z or \
          2026-11-30T09:00:00+08:00"]
    );
}

#[test]
fn a_move_to_where_it_is_already_is_told_but_not_for_a_row_that_could_not_be_read() {
    let stays = "S1,ACME,gw1,p,1,,sw1,1,gw1,p,1,,sw1,1,192.0.2.1/30,,d";
    let told_of = |row: &str| told(read_csv(&csv(&[row])));
    assert_eq!(
        told_of(stays),
        ["line 2: new: old and new place are the same, expected a different device, port or VLAN"]
    );
    assert_eq!(
        told_of(&stays.replace("gw1,p,1,,sw1,1,192", "gw1,p,x,,sw1,1,192")),
        ["line 2: new_vlan: is `x`, expected a VLAN tag from 1 to 4094"]
    );
}

#[test]
fn faults_of_json_objects_are_told_by_object_and_key() {
    let text = r#"[
        7,
        {"service_id": "S", "customer": true, "ip": ["x"], "colour": "red", "vrf": {}, "service_id": "T"},
        {"service_id": "S"}
    ]"#;
    let told = told(parse(text.as_bytes(), Format::Json, DEADLINES));
    assert_eq!(
        told[..6],
        [
            "object 1: is a number, expected an object",
            "object 2: customer: is a boolean, expected a text or a number",
            "object 2: ip: is an array, expected a text or a number",
            "object 2: colour: is not known",
            "object 2: vrf: is an object, expected a text or a number",
            "object 2: service_id: stands there twice",
        ]
    );
    assert!(told[6..].iter().all(|line| line.starts_with("object 3: ")), "{told:?}");
}

#[test]
fn json_that_is_torn_or_no_array_is_told_with_its_place() {
    for text in ["[{\"service_id\": \"S", "{\"a\": 1}", "[1", "nonsense"] {
        let error = parse(text.as_bytes(), Format::Json, DEADLINES).unwrap_err().to_string();
        assert!(error.contains("at line 1 column"), "{error}");
    }
}

#[test]
fn ids_of_relocations_depend_on_what_moves_from_where_to_where_and_on_nothing_else() {
    let text = csv(&[&line("S1", "200"), &line("S2", "201")]);
    let ids = |text: &str| read_csv(text).unwrap().rows.iter().map(Row::relocation).collect::<Vec<_>>();
    assert_ne!(ids(&text)[0], ids(&text)[1]);
    assert_eq!(ids(&text), ids(&text.replace("ACME", "ACMF")), "a customer's name was mended");
    let more = csv(&[&line("S0", "199"), &line("S1", "200"), &line("S2", "201")]);
    assert_eq!(ids(&text), ids(&more)[1..], "a row was added in front");
    let elsewhere = csv(&[&line("S1", "202"), &line("S2", "201")]);
    assert_ne!(ids(&text)[0], ids(&elsewhere)[0], "it goes elsewhere");
}

#[test]
fn the_format_is_told_by_the_name_and_otherwise_by_the_text() {
    let of = |path: &str, text: &str| Format::of(Path::new(path), text);
    assert_eq!(of("a.JSON", "service_id"), Format::Json);
    assert_eq!(of("a.csv", "[1]"), Format::Csv);
    assert_eq!(of("sheet", "  [1]"), Format::Json);
    assert_eq!(of("sheet.txt", "service_id"), Format::Csv);
}
