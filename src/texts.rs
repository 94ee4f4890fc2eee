//! Every sentence the command line says to people, in both languages: one that lacks a language does not build.
//!
//! Wire names (statuses, commands, columns, keys) are never translated.

use rehome_domain::texts;

// Sheets.
texts! {
    sheet_unreadable(path, why): "the sheet {path} can't be read: {why}", "无法读取移机表 {path}：{why}";
    sheet_empty(): "the sheet is empty, expected a header and at least one row", "移机表为空，应有表头和至少一行";
    sheet_no_rows(): "the sheet has no rows", "移机表没有数据行";
    sheet_utf16(): "the sheet is written in UTF-16, expected UTF-8: save it as \"CSV UTF-8\"",
        "移机表编码为 UTF-16，应为 UTF-8：请另存为“CSV UTF-8”";
    sheet_encoding(line): "line {line}: is not UTF-8: save the sheet as \"CSV UTF-8\", or convert it (from GBK: iconv -f GBK -t UTF-8)",
        "第 {line} 行：不是 UTF-8 编码：请另存为“CSV UTF-8”，或转换编码（GBK：iconv -f GBK -t UTF-8）";
    sheet_open_quote(line): "line {line}: a quoted field begins here and never ends: the file is cut off, or a quote is missing",
        "第 {line} 行：此处开始的引号没有结束：文件被截断，或缺少引号";
    sheet_json(detail): "the sheet is not a JSON array of objects: {detail}", "移机表不是由对象组成的 JSON 数组：{detail}";
    sheet_header(problems): "line 1: {problems}", "第 1 行：{problems}";
    column_missing(column): "column `{column}` is missing", "缺少列 `{column}`";
    column_unknown(column): "column `{column}` is not known", "未知的列 `{column}`";
    column_twice(column): "column `{column}` stands there twice", "列 `{column}` 重复";
    wrong_separator(separator): "the columns are separated by `{separator}`, expected commas", "列以 `{separator}` 分隔，应使用逗号";
    at_line(line): "line {line}: ", "第 {line} 行：";
    at_object(number): "object {number}: ", "第 {number} 个对象：";
    at_field(place, field, problem): "{place}{field}: {problem}", "{place}{field}：{problem}";
    wrong_field_count(found, expected): "has {found} fields, the header has {expected}", "有 {found} 个字段，表头有 {expected} 个";
    not_an_object(kind): "is {kind}, expected an object", "是{kind}，应为对象";
    not_a_value(kind): "is {kind}, expected a text or a number", "是{kind}，应为文本或数字";
    key_unknown(): "is not known", "未知的字段";
    key_twice(): "stands there twice", "字段重复";
    field_empty(): "is empty", "为空";
    not_a_tag(given): "is `{given}`, expected a VLAN tag from 1 to 4094", "是 `{given}`，应为 1 到 4094 的 VLAN";
    not_a_time(given): "is `{given}`, expected a time such as 2026-11-30T01:00:00Z or 2026-11-30T09:00:00+08:00",
        "是 `{given}`，应为时间，例如 2026-11-30T01:00:00Z 或 2026-11-30T09:00:00+08:00";
    half_a_window(other): "is empty although {other} is given", "为空，但已给出 {other}";
    wanted_twice(resource, line): "wants `{resource}`, which line {line} wants already", "占用 `{resource}`，与第 {line} 行重复";
}

// The command line.
texts! {
    broken(why): "it could not be done: {why}", "无法完成：{why}";
    wrong_setting(key, problem, from): "{key}: {problem} (in {from})", "{key}：{problem}（来自 {from}）";
    built_in(): "built in", "内置";
    environment_variable(name): "{name}", "环境变量 {name}";
    settings_unreadable(path, why): "the configuration file {path} can't be read: {why}", "无法读取配置文件 {path}：{why}";
    settings_malformed(why): "the configuration is not valid: {why}", "配置格式错误：{why}";
    setting_unknown(known): "is not known, expected one of {known}", "未知的配置项，应为 {known} 之一";
    setting_no_section(given, section): "is {given}, expected a section `[{section}]`", "是{given}，应为一节 `[{section}]`";
    setting_no_number(given): "is {given}, expected a whole number", "是{given}，应为整数";
    setting_no_list(given): "is {given}, expected a list of texts", "是{given}，应为文本列表";
    setting_no_text(given): "is {given}, expected a text", "是{given}，应为文本";
    setting_range(given, from, to): "is {given}, expected {from} to {to}", "是 {given}，应为 {from} 到 {to}";
    setting_less(given, key, least): "is {given}, expected at least {key}, which is {least}",
        "是 {given}，不应小于 {key}，后者是 {least}";
    setting_no_directory(): "is empty, expected a directory", "为空，应为目录";
    setting_no_pair(given, form): "has the line `{given}`, expected {form}", "含有一行 `{given}`，应为 {form}";
    setting_no_url(given): "is `{given}`, expected an address such as http://127.0.0.1:4318, or nothing for none",
        "是 `{given}`，应为地址，例如 http://127.0.0.1:4318；留空表示不使用";
    setting_no_secure_url(given): "is `{given}`, expected an https:// URL (http:// only on this machine itself)",
        "是 `{given}`，应为 https:// 地址（仅本机可用 http://）";
    setting_no_callback(given): "is `{given}`, expected this site's URL with /sign-in/back",
        "是 `{given}`，应为本站地址加 /sign-in/back";
    setting_lacking(key): "is empty, which {key} takes", "为空，而 {key} 需要它";
    setting_no_address(given): "is `{given}`, expected an address such as 127.0.0.1:8080, or nothing for none",
        "是 `{given}`，应为地址，例如 127.0.0.1:8080；留空表示不监听";
    first_user(at, name, password): "
  ┌───────────────────────────────────────────────────────────────
  │ There are no users yet, so one was made. Sign in:
  │
  │     at         http://{at}
  │     name       {name}
  │     password   {password}
  │
  │ It is told this once, and must be changed at the first sign-in.
  └───────────────────────────────────────────────────────────────
", "
  ┌───────────────────────────────────────────────────────────────
  │ 尚无用户，已创建。请登录：
  │
  │     地址     http://{at}
  │     用户名   {name}
  │     密码     {password}
  │
  │ 此密码只显示这一次，首次登录时必须修改。
  └───────────────────────────────────────────────────────────────
";
    no_users(): "there are no users yet, and others than this machine could reach the workbench: make the first with `rehome user add NAME --role admin` (on the same configuration and data), then start it again",
        "尚无用户，而其他机器可以访问工单界面：请先用 `rehome user add NAME --role admin`（使用同一配置和数据）创建第一个用户，然后重新启动";
    setting_no_receiver(given): "names `{given}`, expected networks such as 10.0.0.0/8 and hosts such as receiver.example or *.example",
        "含有 `{given}`，应为网段（如 10.0.0.0/8）或主机名（如 receiver.example、*.example）";
    setting_no_ip(given): "has `{given}`, expected IP addresses such as 10.0.0.1", "含有 `{given}`，应为 IP 地址，例如 10.0.0.1";
    plan_refused(path, problems): "the fault plan {path} can't be used, nothing was started:\n{problems}",
        "故障计划 {path} 不可用，未启动任何移机：\n{problems}";
    sheet_refused(path, problems): "the sheet {path} can't be used, nothing was started:\n{problems}",
        "移机表 {path} 不可用，未启动任何移机：\n{problems}";
    no_data(dir): "there is no Rehome data in {dir}: name the directory that a run was given with --data",
        "{dir} 中没有 Rehome 数据：请用 --data 指定某次运行的目录";
    data_below(dirs): "there is some in {dirs}", "其下有数据的目录：{dirs}";
    no_ticket(given): "there is no ticket `{given}`, neither by id nor by service; `rehome list` shows what there is",
        "没有工单 `{given}`（按单号或业务号）；用 `rehome list` 查看";
    several_tickets(given, ids): "there are several tickets for `{given}`, name one by its id:\n{ids}",
        "`{given}` 有多个工单，请指定单号：\n{ids}";
    set_aside(ticket, why): "ticket {ticket} is set aside: {why}", "工单 {ticket} 已隔离：{why}";
    paused_line(scope, who, at, reason): "paused: {scope}, by {who} at {at}: {reason}", "已暂停：{scope}，{who} 于 {at}：{reason}";
    nothing_paused(): "nothing is paused", "没有暂停";
    not_paused(scope): "{scope} is not paused by itself; what is paused, and can be resumed:", "{scope}本身没有被暂停；已暂停、可以恢复的有：";
    still_under_way(count): "{count} under way", "进行中：{count} 个";
    not_heard_yet(): "0 under way, but a supervisor may not have heard of it yet", "进行中：0 个，但可能还有管理进程尚未得知";
    nothing_to_attach_to(): "--attach needs bus.kind = \"amqp\": the embedded bus ends at this process", "--attach 需要 bus.kind = \"amqp\"：内嵌总线仅限本进程";
    left_in_hand(count): "stopped with {count} in hand; they go on when a process takes them up", "已停止，仍有 {count} 个在处理中，将由其他进程继续";
    not_sent(count): "{count} that people asked for in sheets or of several tickets were not sent; the log names each",
        "移机表或批量操作中有 {count} 个未送出，日志逐一列出";
    can_not_go_on(ticket, why): "ticket {ticket} can't go on: {why}", "工单 {ticket} 无法继续：{why}";
    no_ticket_but(given, ids): "there is no readable ticket `{given}`, but there are tickets set aside, which can be named by id only:\n{ids}",
        "没有可读的工单 `{given}`，但有已隔离的工单，只能按工单号指定：\n{ids}";
    data_in_use(dir): "another rehome is working in {dir}: stop it, or name another directory with --data",
        "另一个 rehome 正在使用 {dir}：请先停止它，或用 --data 指定其他目录";
    held(by): "the target or the service is held by the open relocation {by}; run it again when that one is closed",
        "目标资源或业务被未关闭的工单 {by} 占用；待其关闭后再次运行";
    settled_so_far(settled, all): "{settled} of {all} relocations ended or waiting", "已结束或等待：{settled}/{all} 个移机";
    bar_title(): "ended or waiting", "已结束或等待";
    bar_unit(): "relocations", "个移机";
    stopping(): "stopping: what is in hand is being finished; Ctrl-C again stops at once and leaves it to the next run",
        "正在停止：先完成进行中的工作；再按一次 Ctrl-C 立即停止，余下的由下次运行继续";
    await_cutover(count): "reserved, waiting for the cutover: {count}\n    its window deploys it, or a run without --deploy manual",
        "已预占，等待切换：{count} 个\n    由切换窗口部署，或由不带 --deploy manual 的运行部署";
    not_succeeded(count): "not succeeded: {count}", "未成功：{count} 个";
    without_service(): "the customer is without service", "客户业务中断";
    in_brackets(text): "({text})", "（{text}）";
    devices_are_real(): "the devices are real ones: `rehome plan` asks them what they hold", "设备为真实设备：用 `rehome plan` 查询其现有配置";
    devices_not_compared(): "the devices were not compared with the statuses: a ticket is set aside, and nobody knows what it holds",
        "未将设备与状态比对：有工单已隔离，其占用情况不明";
    devices_agree(): "the devices hold exactly what the statuses say", "设备上的内容与状态完全一致";
    stopped(left): "stopped; {left} not begun. The same command goes on where it was",
        "已停止，{left} 个尚未开始。重新执行同一命令可继续";
    look_further(data, seconds): "{seconds} s; look further with: rehome list --data {data}", "{seconds} 秒；更多信息：rehome list --data {data}";
    and_more(count): "and {count} more", "另有 {count} 个";
    may_now(commands): "a person may: {commands}", "可执行：{commands}";
    no_answer(url, why): "{url} does not answer: {why}", "{url} 没有应答：{why}";
    answered(url, status): "{url} answered {status}", "{url} 应答 {status}";
    process_ready(roles, bus, store): "ready: roles {roles}, bus {bus}, store {store}",
        "就绪：角色 {roles}，消息总线 {bus}，存储 {store}";
    process_not_ready(roles): "not ready: roles {roles}", "未就绪：角色 {roles}";
    broker(): "the broker", "消息服务器";
    database(): "the database", "数据库";
    provider(): "Identity provider", "身份提供方";
    broker_lets_in(user, ms): "lets us in as {user}, in {ms} ms", "允许以 {user} 登录，用时 {ms} 毫秒";
    queue_holds(queue, messages, consumers): "{queue}: {messages} waiting, {consumers} taking", "{queue}：等待 {messages} 条，接收方 {consumers} 个";
    queue_missing(queue): "the queue {queue} is not there: start a process with the role supervisor, which makes it",
        "队列 {queue} 不存在：请启动承担 supervisor 角色的进程，由其创建";
    queue_untaken(queue, messages, role): "nobody takes from the queue {queue}, in which {messages} wait: start a process with the role {role}",
        "队列 {queue} 中有 {messages} 条等待，但无人接收：请启动承担 {role} 角色的进程";
    queue_unreadable(queue, messages): "in the queue {queue} lie {messages} that kill whoever reads them: look at them with the broker's own tools, and purge it",
        "队列 {queue} 中有 {messages} 条无法读取的消息：请用消息服务器自带的工具查看后清空";
    database_answers(ms, tickets): "answers in {ms} ms, holds {tickets} tickets", "{ms} 毫秒内应答，共有工单 {tickets} 个";
    held_up(seconds): "webhooks and listeners have waited for {seconds} s, because a transaction is open on its server: find it in pg_stat_activity (backend_xid is not null) or pg_prepared_xacts, and end it",
        "回调与监听已等待 {seconds} 秒：该数据库服务器上有未结束的事务，请在 pg_stat_activity（backend_xid 不为空）或 pg_prepared_xacts 中查出并结束";
    all_well(): "all is well", "一切正常";
    something_wrong(): "something is wrong", "存在问题";
    in_use(): "a process is working here", "有进程正在使用";
    not_writable(dir, why): "{dir} can't be written: {why}", "{dir} 不可写：{why}";
    data_holds(tickets, l3, l2): "{tickets} tickets; the devices hold {l3} circuits at L3, {l2} at L2",
        "{tickets} 个工单；设备上有三层电路 {l3}、二层电路 {l2}";
    data_empty(): "empty", "空";
    wrong(what): "wrong: {what}", "问题：{what}";
    dead_letter(at, origin, id, reason): "dead letter of {at} from {origin}, {id}: {reason}", "死信 {at}，来自 {origin}，{id}：{reason}";
}

// Users and tokens.
texts! {
    user_stands(name, role, state): "{name}: {role}, {state}", "{name}：{role}，{state}";
    user_disabled(): "disabled", "已停用";
    user_without_password(): "without a password", "无密码";
    user_one_time(): "with a password for one sign-in", "一次性密码";
    user_with_password(): "with a password", "有密码";
    user_by_provider(): "by the identity provider", "由身份提供方验证";
    user_no_provider(): "no identity provider is configured: set oidc.issuer, or give --issuer",
        "未配置身份提供方：请设置 oidc.issuer 或指定 --issuer";
    user_last_admin(name): "{name} is the last administrator who can come in: make another one first",
        "{name} 是最后一个可登录的管理员：请先设置另一个";
    user_known(name): "there is a user {name} already", "用户 {name} 已存在";
    user_unknown(name): "there is no user {name}; `rehome user list` shows who there is", "没有用户 {name}；用 `rehome user list` 查看";
    user_changed_meanwhile(name): "somebody else changed {name} at the same time; look, and do it again",
        "{name} 同时被他人修改；请查看后重试";
    password_for(name): "password for {name}: ", "{name} 的密码：";
    password_again(): "once more: ", "再次输入：";
    password_differs(): "the two passwords differ; nothing was changed", "两次输入的密码不一致；未作任何修改";
    password_unfit(why): "the password {why}; nothing was changed", "密码{why}；未作任何修改";
    password_unasked(why): "the password can't be read ({why}): run it in a terminal, or give the password on standard input with --password-stdin",
        "无法读取密码（{why}）：请在终端中运行，或用 --password-stdin 从标准输入给出密码";
    token_issued(secret, id, ends): "{secret}
It is shown this once; its id is {id}, and it ends at {ends}.", "{secret}
只显示这一次；编号 {id}，有效至 {ends}。";
    token_above(name, role): "{name} is {role}: a token can't allow more than its account", "{name} 的角色是{role}：令牌的权限不能超过其账户";
    token_too_many(name): "{name} has as many tokens as there may be; `rehome token revoke` takes one away", "{name} 的令牌数已达上限；用 `rehome token revoke` 吊销一个";
    token_unknown(id): "there is no token {id}; `rehome token list` shows what there is", "没有令牌 {id}；用 `rehome token list` 查看";
    token_revoked(id): "{id} is revoked", "{id} 已吊销";
}

// The bench.
texts! {
    bench_provisioning(done, all): "putting circuits into service: {done} of {all}", "准备电路：{done}/{all}";
    bench_load(done, all): "whole path: {done} of {all} relocations ended", "全流程：已结束 {done}/{all} 个移机";
    bench_bare(done): "bare limit: {done} transactions written", "数据库极限：已写入 {done} 个事务";
    bench_of(count, in_flight, sync): "{count} relocations, {in_flight} at once, sync {sync}",
        "{count} 个移机，同时 {in_flight} 个，同步方式 {sync}";
    bench_speed(speed): "{speed} relocations/s", "每秒 {speed} 个移机";
    bench_whole(): "whole path", "全流程";
    bench_whole_detail(seconds, rows, transactions): "{seconds} s, {rows} rows in {transactions} transactions",
        "{seconds} 秒，{transactions} 个事务写入 {rows} 行";
    bench_limit(): "bare limit", "数据库极限";
    bench_limit_detail(seconds, rows): "{seconds} s, {rows} rows in as many", "{seconds} 秒，同样多的事务写入 {rows} 行";
    bench_ratio(): "ratio", "比率";
    bench_latency(): "latency", "时延";
    bench_memory(): "peak memory", "内存峰值";
    bench_unsuccessful(): "unsuccessful", "未成功";
    bench_scaled_of(count, in_flight, supervisors, configurators):
        "{count} relocations, {in_flight} at once, {supervisors} supervisors, {configurators} configurators",
        "{count} 个移机，同时 {in_flight} 个，管理进程 {supervisors} 个，配置进程 {configurators} 个";
    bench_relay(done): "bare relay, after {done} relocations", "裸中继，已测 {done} 个移机";
    bench_durable(done): "relay with a state, after {done} relocations", "带状态中继，已测 {done} 个移机";
    bench_latency_under_way(in_flight, done): "latency with {in_flight} at once: {done} ended", "同时 {in_flight} 个的时延：已结束 {done} 个";
    bench_devices_under_way(parallel, done): "{parallel} devices in parallel: {done} relocations ended",
        "并行 {parallel} 台设备：已结束 {done} 个移机";
    bench_filling(done, all): "making tickets: {done} of {all}", "正在生成工单：{done}/{all}";
    bench_reading(seconds, done): "reading for {seconds} s; {done} relocations ended meanwhile", "读取 {seconds} 秒；其间已结束 {done} 个移机";
    bench_looked(tickets, readers, seconds): "{tickets} tickets, {readers} readers at once for {seconds} s", "工单 {tickets} 个，同时读取 {readers} 路，历时 {seconds} 秒";
    bench_looked_sum(reads, relocations, unsuccessful): "{reads} answers/s, {relocations} relocations/s meanwhile, {unsuccessful} unsuccessful",
        "每秒应答 {reads} 次，其间每秒移机 {relocations} 个，未成功 {unsuccessful}";
    bench_head_question(): "question", "查询";
    bench_head_reads(): "answers", "应答数";
    bench_head_most(): "most", "最长";
    bench_clearing(): "taking queues and tables away", "正在删除队列和表";
    bench_bare_relay(): "bare relay", "裸中继";
    bench_durable_relay(): "relay with a state", "带状态中继";
    bench_transactions_detail(seconds, transactions): "{seconds} s, {transactions} transactions", "{seconds} 秒，{transactions} 个事务";
    bench_seconds_detail(seconds): "{seconds} s", "{seconds} 秒";
    bench_share_of(what): "share of the {what}", "占{what}";
    bench_rounds(median, least, most): "in the rounds {least} to {most}, in the middle {median}", "各轮 {least} 至 {most}，中位 {median}";
    bench_latency_at(in_flight): "latency, {in_flight} at once", "时延，同时 {in_flight} 个";
    bench_device_takes(ms, devices): "{devices} gateways and {devices} switches, {ms} ms an operation", "网关和交换机各 {devices} 台，每次操作 {ms} 毫秒";
    bench_head_parallel(): "in parallel", "并行设备";
    bench_head_configurators(): "configurators", "配置进程";
    bench_head_supervisors(): "supervisors", "管理进程";
    bench_head_median(): "in the middle round", "中位轮";
    bench_head_speed(): "relocations/s", "每秒移机";
    bench_head_times(): "times the first", "相对首行";
    bench_head_mean(): "operations at once", "同时操作";
    bench_head_peak(): "most, L3 and L2", "最多（三层/二层）";
    bench_head_cpu(): "processors busy", "处理器占用";
    bench_moved(done, all): "outages: every kind of move measured {done} of {all} times", "中断时间：每种移机已测 {done}/{all} 次";
    bench_carried(at_once, done, all): "{at_once} together: {done} of {all} ended", "同时 {at_once} 个：已结束 {done}/{all} 个";
    bench_checking(): "reading the devices and asking the customers", "正在读取设备并探测各客户";
    bench_head_move(): "move", "移机方式";
    bench_head_by(): "by", "执行者";
    bench_head_least(): "least", "最短";
    bench_head_middle(): "median", "中位";
    bench_head_gateway(): "gateway's own", "其中网关";
    bench_head_times_direct(): "Rehome by this", "Rehome 与其之比";
    bench_by_rehome(): "Rehome", "Rehome";
    bench_by_hand(): "same steps by hand", "同样步骤的直接调用";
    bench_by_bare(): "bare calls", "不加检查的直接调用";
    bench_move_ports(): "across ports", "换端口";
    bench_move_same_vlan(): "in the same VLAN", "同一 VLAN";
    bench_move_gateways(): "across gateways", "换网关";
    bench_outages_of(runs): "time without service, {runs} runs of each, by pings every 5 ms", "业务中断时间，每项 {runs} 次，每 5 毫秒 ping 一次";
    bench_outages_sum(moves, answered, unsuccessful): "{moves} moves: the old place answered after {answered}, {unsuccessful} did not succeed",
        "移机 {moves} 次：其后旧址仍有应答 {answered} 次，未成功 {unsuccessful} 次";
    bench_head_at_once(): "at once", "同时";
    bench_head_seconds(): "seconds", "秒";
    bench_head_wrong(): "wrong afterwards", "事后不符";
    bench_times_as_fast(ratio): "{ratio} times as fast", "速度之比 {ratio}";
    bench_parallel_of(relocations, gateways, switches): "{relocations} relocations over {gateways} gateways and {switches} switches",
        "移机 {relocations} 个，网关 {gateways} 台，交换机 {switches} 台";
    bench_head_batch(): "to a commit, at most", "每次提交最多";
    bench_head_reservations(): "reservations/s", "每秒预占";
    bench_commits_of(reservations): "{reservations} reservations on one gateway", "同一网关上的预占 {reservations} 个";
    bench_not_together(bus, store): "no bench for the bus {bus} with the store {store}: embedded goes with sqlite, amqp with postgres",
        "不支持消息总线 {bus} 与存储 {store} 的组合：embedded 配 sqlite，amqp 配 postgres";
    bench_only_for(option, bus): "{option} is only for --bus {bus}", "{option} 仅用于 --bus {bus}";
}

// Journals.
texts! {
    journal_unreadable(path, why): "the journal {path} can't be read: {why}", "无法读取日志 {path}：{why}";
    journal_malformed(problem): "the journal is not valid: {problem}", "日志格式错误：{problem}";
    journal_of(ticket, count): "journal of {ticket}, {count} entries", "工单 {ticket} 的日志，共 {count} 条";
    entry_unreadable(entry, why): "entry {entry} can't be read: {why}", "第 {entry} 条无法读取：{why}";
    replays(count): "{count} entries: the table gives the same", "{count} 条：与转换表一致";
    diverges(count, divergence): "{count} entries are the same, then: {divergence}", "前 {count} 条一致，随后：{divergence}";
    journal_empty(): "the journal is empty", "日志为空";
    journal_gap(expected, found): "entry {expected} was expected, but the journal goes on with entry {found}",
        "应为第 {expected} 条，日志中却是第 {found} 条";
    journal_newer(seq, found, binary): "entry {seq} has version {found}, this binary reads up to {binary}: upgrade it",
        "第 {seq} 条的版本是 {found}，本程序只能读到 {binary}：请升级";
    journal_differs(seq, field, journal, table): "entry {seq} differs in `{field}`: the journal says {journal}, the table gives {table}",
        "第 {seq} 条的 `{field}` 不一致：日志为 {journal}，转换表为 {table}";
}

// Heads of columns and lines.
texts! {
    head_ticket(): "ticket", "工单";
    head_service(): "service", "业务";
    head_relocation(): "relocation", "移机状态";
    head_reservation(): "reservation", "移机预占状态";
    head_cutover(): "cutover", "移机切换状态";
    head_attention(): "waits for", "等待";
    head_disposition(): "disposition", "处置";
    head_changed(): "changed", "更新时间";
    head_user(): "user", "用户";
    head_version(): "version", "版本";
    head_role(): "role", "角色";
    head_state(): "state", "状态";
    head_reason(): "reason", "原因";
    head_token(): "token", "令牌";
    head_label(): "for", "用途";
    head_at_most(): "at most", "权限上限";
    head_issued(): "issued", "签发时间";
    head_seen(): "last shown", "最近使用";
    head_ends(): "ends", "有效至";
    head_count(): "count", "数量";
    head_letter(): "letter", "死信";
    head_entry(): "entry", "序号";
    head_time(): "time", "时间";
    head_who(): "who", "来源";
    head_input(): "what came in", "输入";
    head_rows(): "rows", "转换";
    head_sends(): "sends", "发出";
    head_key(): "key", "配置项";
    head_value(): "value", "值";
    head_from(): "from", "来自";
    person_may(): "a person may", "可执行的操作";
    old_place(): "old place", "旧址";
    new_place(): "new place", "新址";
    address(): "address", "地址";
    window(): "window", "窗口";
    under_way(): "under way", "进行中";
    until(what, deadline): "{what}, until {deadline}", "{what}，截止 {deadline}";
    last_failure(): "last failure", "最近失败";
    may(): "yes", "可";
    may_not(why): "no: {why}", "否：{why}";
}

// A running system, from the command line.
texts! {
    no_url(given): "`{given}` is no address of a system, expected such as http://127.0.0.1:8080", "“{given}”不是系统地址，应如 http://127.0.0.1:8080";
    token_unreadable(path, why): "the token can't be read from {path}: {why}", "无法从 {path} 读取令牌：{why}";
    not_reached(base, why): "no system answers at {base}: {why}. Start one with `rehome serve`, or say where it is with --url; a run's data directory is read with --data",
        "{base} 没有系统应答：{why}。请用 `rehome serve` 启动，或用 --url 指定地址；用 --data 可读取某次运行的数据目录";
    no_token(variable): "the system does not know who asks: set {variable}, or give --token-file, with a token from `rehome token add`",
        "系统不知道是谁在请求：请设置 {variable} 或指定 --token-file，令牌由 `rehome token add` 签发";
    token_not_taken(): "the system does not take this token: it is revoked, has ended, its user is disabled, or it is another system's. `rehome token add` issues another",
        "系统不接受此令牌：已吊销、已过期、其用户已停用，或属于其他系统。用 `rehome token add` 另行签发";
    no_such_ticket(given): "there is no ticket {given}; `rehome list` shows what there is", "没有工单 {given}；用 `rehome list` 查看";
    there_are_more(limit): "There are more than these {limit}: narrow the list, or raise --limit.", "不止这 {limit} 个：请缩小范围或增大 --limit。";
    not_agreed(): "nothing was done", "未执行任何操作";
    needs_reason(): "give --reason: whoever forces or cancels says why", "请指定 --reason：强制或取消必须说明原因";
    needs_yes(): "forcing asks first, and nobody is there to answer: give --yes", "强制操作需先确认，但无人应答：请指定 --yes";
    about_to(what, service, id): "{what}: {service} ({id}). What will follow:", "{what}：{service}（{id}）。后果：";
    agree(): "Go on? [y/N]", "继续？[y/N]";
    command_taken(service, what): "{service}: {what}: taken", "{service}：{what}：已受理";
    command_on_its_way(service, what): "{service}: {what}: on its way; `rehome show {service}` tells what became of it",
        "{service}：{what}：已发出；用 `rehome show {service}` 查看结果";
    command_refused(service, what, why): "{service}: {what}: {why}", "{service}：{what}：{why}";
    command_unanswered(service, what, why): "{service}: {what}: {why}. It may have been taken: `rehome show {service}` tells",
        "{service}：{what}：{why}。可能已被受理：请用 `rehome show {service}` 查看";
    not_given(): "not given, because the one before had no answer", "未发出，因为前一个没有应答";
    row_unanswered(line, service): "row {line}, {service}: no answer; it may have been submitted", "第 {line} 行，{service}：没有应答，可能已提交";
    row_not_sent(line, service): "row {line}, {service}: not sent", "第 {line} 行，{service}：未发送";
    cut_off(why): "It ended before its time: {why}. Submit the sheet again: what was submitted is found.",
        "提前结束：{why}。请重新提交此表：已提交的不会重复。";
    row_submitted(service, id): "{service}: submitted as {id}", "{service}：已提交，工单 {id}";
    row_known(service, id, status): "{service}: submitted before as {id}, {status}; nothing was done", "{service}：此前已提交，工单 {id}，{status}；未作改动";
    row_on_its_way(service, id): "{service}: on its way as {id}", "{service}：已发出，工单 {id}";
    row_refused(line, service, why): "row {line}, {service}: {why}", "第 {line} 行，{service}：{why}";
    row_stands(service, status, id): "{service}: {status} ({id})", "{service}：{status}（{id}）";
    no_letters(): "there are no dead letters that nobody has dealt with", "没有待处理的死信";
    no_such_letter(given): "there is no dead letter {given}; `rehome dead list --all` shows what there is",
        "没有死信 {given}；用 `rehome dead list --all` 查看";
    letter_came(at, origin, key, who): "of {at}, from {origin} {key}, by {who}", "{at}，来自 {origin} {key}，发送者 {who}";
    letter_reason(why): "set aside: {why}", "未受理原因：{why}";
    letter_not_resent(why): "can't be sent again: {why}", "不能重新发送：{why}";
    letter_open(): "nobody has dealt with it", "未处理";
    letter_was_resent(who, at, why): "sent again by {who} at {at}: {why}", "{who} 于 {at} 重新发送：{why}";
    letter_was_dropped(who, at, why): "dropped by {who} at {at}: {why}", "{who} 于 {at} 丢弃：{why}";
    letter_taken(id): "sent again, and taken: `rehome show {id}`", "已重新发送并受理：`rehome show {id}`";
    letter_refused(id, why): "sent again, and refused: {why}. `rehome show {id}` has its journal",
        "已重新发送，但被拒绝：{why}。日志见 `rehome show {id}`";
    letter_rejected(why): "sent again, and set aside again: {why}. It is a new dead letter",
        "已重新发送，但仍无工单可受理：{why}。已成为新的死信";
    letter_on_its_way(id): "sent again; `rehome show {id}` tells what becomes of it", "已重新发送；结果见 `rehome show {id}`";
    letter_dropped(): "dropped", "已丢弃";
    devices(): "Devices", "设备";
    device_reached(layer, name): "{layer} {name}: reached", "{layer} {name}：可达";
    device_not_reached(layer, name, why): "{layer} {name}: {why}", "{layer} {name}：{why}";
    plan_of(service, id): "{service} ({id})", "{service}（{id}）";
    goes_by_plan(): "Goes by the plan", "依据的计划";
    outage(): "Without service", "业务中断时长";
    plan_fingerprint(fingerprint): "\nplan {fingerprint}", "\n计划指纹 {fingerprint}";
    plan_unknown(why): "could not be asked: {why}", "无法查询：{why}";
    plan_now(spot, held): "{spot}  now: {held}", "{spot}  现在：{held}";
    plan_nothing(): "nothing to change", "无需改动";
    plan_order_refused(why): "would be refused: {why}", "将被拒绝：{why}";
    alarm(): "alarm", "告警";
    no_tickets(): "no ticket matches", "没有符合条件的工单";
    plan_no_file(path): "there is no file {path}: name a relocation sheet that is there, or a ticket by its id or its service's",
        "没有文件 {path}：请指定存在的移机表，或用工单编号、业务编号指定工单";
    plan_no_file_and(path, why): "{why}; nor is there a file {path}", "{why}；也没有文件 {path}";
    plan_no_file_here(path): "there is no file {path}, and a ticket could not be asked for", "没有文件 {path}，也无法查询工单";
    export_what(): "say what to export: a ticket, which (such as --status failed), or --all",
        "请指定导出内容：一个工单、筛选条件（例如 --status failed）或 --all";
    export_one(): "name a ticket: the list of a data directory is printed by `rehome list --data DIR --json`",
        "请指定工单；数据目录的列表用 `rehome list --data DIR --json` 输出";
    lab_starting(): "starting the lab", "正在启动实验网络";
    lab_there(name): "there is a lab `{name}` already: `rehome lab down --name {name}` ends it, or give this one another --name",
        "已有实验网络 `{name}`：用 `rehome lab down --name {name}` 结束，或用 --name 另取名称";
    lab_none(name): "there is no lab `{name}`", "没有实验网络 `{name}`";
    lab_broken(name): "the lab `{name}` is starting, or did not come to stand: `rehome lab down --name {name}` removes what is left",
        "实验网络 `{name}` 正在启动，或未能启动：用 `rehome lab down --name {name}` 清除残余";
    lab_up(name): "the lab `{name}` is up", "实验网络 `{name}` 已启动";
    lab_stands(name): "the lab `{name}`", "实验网络 `{name}`";
    lab_down(name): "the lab `{name}` has ended; nothing of it is left", "实验网络 `{name}` 已结束，没有残余";
    lab_dead(missing, name): "{missing} of its processes have ended: `rehome lab down --name {name}`, then `up` again",
        "其中 {missing} 个进程已结束：请用 `rehome lab down --name {name}` 结束后重新启动";
    lab_customer(service, old, new): "{service}: at the old place {old}, at the new place {new}", "{service}：原址{old}，新址{new}";
    lab_serves(): "in service", "有业务";
    lab_serves_not(): "no service", "无业务";
    lab_next(config, sheet, ping): "
To move every customer:   rehome run {sheet} --config {config}
To see the first one's:   {ping}",
        "
移动全部客户：     rehome run {sheet} --config {config}
查看第一个客户：   {ping}";
}
