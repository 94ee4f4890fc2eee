//! The help's Chinese texts: one table, by command and argument. Tests hold it complete and free of leavings.
//!
//! Lines are broken by hand, because there are no blanks to break them at: an argument's lines take up to 50 columns.

/// The heading over the options that every command has.
pub(super) const SHARED: &str = "通用选项";

/// What a command is for. The program itself has no path.
pub(super) const ABOUT: &[(&str, &str)] = &[
    ("", "承载客户电路移机：先预占，后切换"),
    ("run", "把移机表中的每一项移机做到底，全部在本进程内完成"),
    ("serve", "作为服务运行，承担全部或部分角色"),
    ("dead", "无工单可受理的消息（死信）：查看、重新发送或丢弃"),
    ("dead list", "列出尚未处理的死信，最新的在前"),
    ("dead show", "显示一条死信：内容、未受理原因、如何处理"),
    ("dead resend", "以您的名义，作为新消息重新发送移机请求或命令"),
    ("dead drop", "说明一条死信无需处理"),
    ("pause", "暂停：全部、某个域的设备或某台设备上不再开始新的操作"),
    ("resume", "解除暂停：被其搁置的移机随即开始"),
    ("drain", "暂停，并等待那里没有进行中的移机"),
    ("user", "可进入工单界面和 API 的用户"),
    ("user add", "创建用户；询问其密码"),
    ("user list", "列出用户，或某个用户的各个版本"),
    ("user role", "更改用户的角色"),
    ("user disable", "停用用户：会话结束，令牌失效"),
    ("user enable", "重新启用已停用的用户"),
    ("user password", "更改用户的密码；其会话结束"),
    ("user bind", "绑定身份提供方（oidc.issuer）中的身份，由其验证后以此用户登录"),
    ("token", "程序访问 API 所用的令牌"),
    ("token add", "签发令牌，只显示这一次"),
    ("token list", "列出令牌"),
    ("token revoke", "吊销令牌"),
    ("submit", "向运行中的系统提交移机"),
    ("plan", "显示移机将对各设备作出的改动，不触及任何设备"),
    ("watch", "实时查看工单变化，直到 Ctrl-C"),
    ("deploy", "开始工单所等待的操作：预占或切换"),
    ("force", "某一阶段失败后仍然继续：需要 supervisor 角色和原因"),
    ("cancel", "切换前放弃移机：已预占的随即释放"),
    ("retry", "重做失败的操作：预占、回滚或切换"),
    ("completions", "输出 shell 命令行补全脚本"),
    ("list", "列出运行中系统或一次运行的工单"),
    ("show", "显示一个工单：移机内容、当前状态、可执行的操作、历史"),
    ("export", "导出工单日志：JSON 行，每条一行；\n不指定工单时以 CSV 导出列表"),
    ("replay", "重放导出的工单日志：状态是否一致，不一致时指出在何处"),
    ("check", "检查配置、服务器和数据：生效的配置、存在的问题"),
    ("bench", "测量每秒移机数和时延，并在同一次运行中测出极限"),
    ("lab", "本机上的小型实验网络：真实设备、真实报文，供试做移机"),
    ("lab up", "启动实验网络"),
    ("lab down", "结束实验网络并清除其全部残余，无论其进程状态如何"),
    ("lab status", "显示实验网络的组成，以及哪些地点有业务"),
    ("schema", "输出自动生成的文档"),
    ("schema table", "转换表"),
    ("schema diagram", "状态图"),
    ("schema asyncapi", "其他系统收发的消息"),
    ("schema openapi", "`rehome serve` 在 /api/v1 下提供的接口"),
    ("schema tmf641", "移机与 TMF641 服务订单的对应关系，Markdown 格式"),
];

/// What an argument is for, at a command or (`*`) wherever it has no text of its own.
pub(super) const ARGS: &[(&str, &str, &str)] = &[
    ("*", "--config", "配置文件（TOML），覆盖内置值；\n环境变量（REHOME__SECTION__KEY）优先于两者"),
    ("*", "--lang", "界面语言；未指定时\n取自 LC_ALL、LC_MESSAGES 或 LANG"),
    ("*", "--log", "日志格式，输出到标准错误"),
    ("*", "--log-level", "日志级别或过滤条件（warn, rehome_actors=debug）；\n优先于 RUST_LOG 和配置"),
    ("*", "--help", "显示帮助"),
    ("*", "--version", "显示版本"),
    ("*", "--data", "某次运行的数据目录"),
    ("*", "--json", "输出一个 JSON 文档"),
    ("*", "--url", "系统地址；未指定时取 REHOME_URL，\n否则为本机 http.listen 的地址"),
    ("*", "--token-file", "API 令牌文件；未指定时取 REHOME_TOKEN 中的令牌"),
    ("*", "--status", "只包括此移机状态的工单"),
    ("*", "--waiting", "只包括等待人工处理的工单"),
    ("*", "--device", "只包括涉及此设备的工单；\n以 * 结尾表示名称以此开头"),
    ("*", "--customer", "只包括此客户的工单"),
    ("*", "--text", "只包括移机内容中含有此文字的工单"),
    ("submit", "SHEET", "移机表：带表头的 CSV，或由对象组成的 JSON 数组；\n标准输入用 -"),
    ("submit", "--hold", "预占前等待人工"),
    ("submit", "--wait", "等到每一项关闭或等待人工"),
    ("watch", "TICKET", "只看这些工单：工单号或业务号"),
    ("watch", "--until-closed", "这些工单全部关闭后结束"),
    ("watch", "--json", "每行输出一个 JSON 对象"),
    ("dead list", "--all", "也列出已处理的死信"),
    ("dead list", "--limit", "最多列出多少条"),
    ("dead show", "LETTER", "哪一条，见 `rehome dead list`"),
    ("dead resend", "LETTER", "哪一条，见 `rehome dead list`"),
    ("dead resend", "--reason", "原因，与死信一同保存"),
    ("dead drop", "LETTER", "哪一条，见 `rehome dead list`"),
    ("dead drop", "--reason", "原因，与死信一同保存"),
    ("list", "--data", "某次运行的数据目录；未指定时查询运行中的系统"),
    ("list", "--limit", "最多列出多少个；对运行中的系统默认 200"),
    ("plan", "SHEET|TICKET", "移机表（文件），或工单：\n其编号，或业务编号"),
    ("plan", "--lines", "显示将发送给各设备的内容，以设备自身的语言"),
    ("plan", "--data", "所指模拟设备所属运行的数据目录；\n未指定时为 `rehome run SHEET` 所用的目录"),
    ("lab up", "--gateways", "网关数：sshd 之后的 netconfd，\n以 Open vSwitch 转发"),
    ("lab up", "--switches", "交换机数：Open vSwitch"),
    ("lab up", "--customers", "客户数，每个客户有原址和新址"),
    ("lab up", "--name", "实验网络的名称"),
    ("lab down", "--name", "实验网络的名称"),
    ("lab status", "--name", "实验网络的名称"),
    ("show", "--data", "某次运行的数据目录；未指定时查询运行中的系统"),
    ("export", "--data", "某次运行的数据目录；未指定时查询运行中的系统"),
    ("export", "--all", "运行中系统的全部工单"),
    ("*", "--expect-version", "仅当工单仍是此版本时"),
    ("*", "--plan", "按此指纹的改动预览执行（见 rehome plan TICKET）：\n设备配置此后若有变化则拒绝"),
    ("*", "--reason", "原因，记入日志"),
    ("force", "STAGE", "阶段：reservation 预占失败仍进入切换，\ncompletion 切换失败仍竣工"),
    ("force", "--yes", "不再询问确认"),
    ("completions", "SHELL", "shell 的名称"),
    ("*", "TICKET", "工单：工单号或业务号"),
    ("run", "SHEET", "移机表：带表头的 CSV，或由对象组成的 JSON 数组"),
    ("run", "--deploy", "预占成功后由谁部署切换：\nauto（立即自动），manual（暂不部署）"),
    ("run", "--faults", "故障计划（TOML 或 JSON）：\n故意制造的故障，以及按脚本操作的人员"),
    ("run", "--data", "数据目录；未指定时在 data.dir 下以移机表命名"),
    ("run", "--in-flight", "同时进行的移机数；未指定时取 run.in_flight"),
    (
        "run",
        "--attach",
        "本进程不运行系统：通过所配置的消息服务器和数据库，\n提交到在别处运行的系统（rehome serve）",
    ),
    ("serve", "--roles", "本进程承担的角色，以逗号分隔"),
    ("serve", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    (
        "serve",
        "--listen",
        "HTTP 监听地址（工单界面、API，\n/healthz、/readyz、/metrics）；\n未指定时取 http.listen，空串表示不监听",
    ),
    ("serve", "--faults", "模拟设备的故障计划（TOML 或 JSON）"),
    ("*", "--device", "只涉及此设备的移机"),
    ("*", "--domain", "只涉及此域设备的移机"),
    ("*", "--reason", "原因，供遇到暂停的人查看"),
    ("pause", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("resume", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("drain", "--timeout", "最多等待多久（秒）；未指定时一直等待"),
    ("drain", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("*", "NAME", "用户名：用于登录，并记入日志"),
    ("*", "ROLE", "可执行的操作"),
    ("user add", "--role", "可执行的操作"),
    ("user add", "--display-name", "显示的名字"),
    ("*", "--password-stdin", "从标准输入的第一行读取密码，而不询问"),
    ("user add", "--no-password", "不设密码：只用令牌访问"),
    ("user list", "NAME", "列出此用户的各个版本"),
    ("user role", "--reason", "原因，供日后查看"),
    ("user disable", "--reason", "原因，供日后查看"),
    ("user enable", "--reason", "原因，供日后查看"),
    ("user bind", "SUBJECT", "身份提供方对此人的永久标识：ID 令牌中的 `sub`"),
    ("user bind", "--issuer", "身份提供方；未指定时取 oidc.issuer"),
    ("user bind", "--reason", "原因，供日后查看"),
    ("token add", "NAME", "令牌所属的用户"),
    ("token add", "--label", "用途，便于辨认"),
    ("token add", "--role", "权限上限；未指定时与其用户相同"),
    ("token add", "--days", "有效天数"),
    ("token list", "NAME", "只列出此用户的令牌"),
    ("token revoke", "TOKEN", "编号，见 `rehome token list`"),
    ("user add", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("user list", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("user role", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("user disable", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("user enable", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("user bind", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("user password", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("token add", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("token list", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("token revoke", "--data", "SQLite 存储的数据目录；未指定时取 data.dir"),
    ("list", "--status", "只列出此移机状态的工单"),
    ("list", "--waiting", "只列出等待人工处理的工单"),
    ("replay", "JOURNAL", "日志：JSON 行，或由条目组成的 JSON 数组；\n标准输入用 -"),
    ("check", "--data", "某次运行的数据目录；\n未指定时检查 data.dir 下的每次运行"),
    ("check", "--ready", "询问运行中的进程是否就绪：其地址或 URL"),
    ("bench", "--bus", "消息总线"),
    ("bench", "--store", "存储"),
    ("bench", "-n", "移机数：未指定时为 10000，在实验网络中为 200"),
    ("bench", "--in-flight", "同时进行的移机数；未指定时取 run.in_flight"),
    ("bench", "--data", "数据目录，测量后保留；未指定时用临时目录"),
    ("bench", "--full-sync", "断电也不丢失，而不只是进程被杀死时不丢失"),
    ("bench", "--supervisors", "管理进程数，各自如同独立进程（amqp）"),
    ("bench", "--configurators", "配置进程数，每个负责两层（amqp）"),
    ("bench", "--compare", "比较 1、2、4 个管理进程，\n以及同时 1 个和 512 个移机时的时延（amqp）"),
    ("bench", "--device-ms", "设备每次操作的耗时（毫秒）：\n比较并行 1、2、4…… 台设备时的速度（amqp）"),
    ("bench", "--devices", "网关数，交换机数相同；与 --device-ms 同用"),
    ("bench", "--tickets", "先在数据库中生成这么多工单，\n再测量查看者的等待时间（amqp）"),
    ("bench", "--readers", "同时查看的路数；与 --tickets 同用"),
    ("bench", "--seconds", "查看的秒数；与 --tickets 同用"),
    ("bench", "--pause-ms", "每次应答后到下一次查询前的间隔（毫秒）；\n打开的页面最快每 700 毫秒刷新一次"),
    (
        "bench",
        "--lab",
        "在有真实设备和报文的实验网络中测量：\noutage（业务中断时间）、parallel（多个移机\n同时进行）、commits（预占合并提交）",
    ),
    ("bench", "--runs", "每种移机测量的次数；与 --lab outage 同用"),
    ("bench", "--schema", "工单保留在该 schema 中，仅首次生成；与 --tickets 同用"),
    ("schema table", "--format", "书写格式"),
    ("schema diagram", "--format", "绘制格式"),
];

/// What stands under a command's options.
pub(super) const AFTER: &[(&str, &str)] = &[
    (
        "",
        "\
退出码:
  0  一切正常：全部移机成功，日志可重放，没有问题
  1  有移机未成功，或无法完成
  2  给出的内容不可用：命令行参数、配置、移机表、故障计划、日志",
    ),
    (
        "run",
        "\
示例:
  rehome run relocations.csv
  rehome run relocations.json --faults faults.toml --data rehome-data/faults
  rehome run relocations.csv --deploy manual    只预占；去掉此项再运行则切换
  rehome run relocations.csv --json > result.json

按 Ctrl-C 中断或被杀死后，用同一移机表和数据目录重新执行同一命令即可继续。
退出码：0 全部成功，1 有未成功的，2 移机表不可用（此时未启动任何移机）。",
    ),
    (
        "serve",
        "\
示例:
  rehome serve
  rehome serve --config /etc/rehome/rehome.toml --roles supervisor
  rehome serve --config /etc/rehome/rehome.toml --roles l3,l2 --listen 0.0.0.0:8081
  rehome serve --config /etc/rehome/rehome.toml --roles web

若 bus.kind 为 \"amqp\" 且 store.kind 为 \"postgres\"，每种角色都可由任意多台机器上
的任意多个进程承担。
收到 SIGTERM 或 Ctrl-C：完成进行中的工作，交回其余，以退出码 0 结束。",
    ),
    (
        "pause",
        "\
示例:
  rehome pause --reason \"maintenance tonight\"
  rehome pause --device gw-01 --reason \"line card swap\"
  rehome pause --domain north --reason \"ring split\" --data rehome-data

进行中的移机照常做到底，回滚和取消始终允许。暂停期间提交的移机被搁置，
`rehome resume` 之后自动开始。暂停不随进程结束而消失；`rehome check` 可查看。",
    ),
    (
        "resume",
        "\
示例:
  rehome resume --reason \"maintenance over\"
  rehome resume --device gw-01 --reason \"line card swapped\"",
    ),
    (
        "drain",
        "\
示例:
  rehome drain --device gw-01 --reason \"line card swap\"
  rehome drain --reason \"new release\" --timeout 900 && systemctl stop rehome

按 Ctrl-C 或等待时间用尽时停止等待，退出码为 1。
暂停一直有效，直到 `rehome resume`。",
    ),
    (
        "user",
        "\
示例:
  rehome user add ann --role operator
  rehome user add crm --role operator --no-password
  rehome user list
  rehome user role ann supervisor --reason \"on call from May\"
  rehome user bind ann 5f83e0ca-2b8e-4e8c --reason \"has a carrier account now\"
  rehome user disable ann --reason \"has left\"

直接修改存储，无论是否有进程在运行；运行中的进程在一秒内生效。
此处给出的密码只能登录一次，用户届时必须另选密码。
用户的每个版本都保留，并记录修改人、时间和原因。",
    ),
    (
        "token",
        "\
示例:
  rehome token add crm --label \"order entry\"
  rehome token add ann --label reports --role viewer --days 30
  rehome token list
  rehome token revoke 019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d4e

程序以 `Authorization: Bearer rht_...` 发送。令牌只显示一次，只保留其摘要。",
    ),
    (
        "submit",
        "\
示例:
  rehome submit sheet.csv
  rehome submit sheet.json --wait
  cat sheet.csv | rehome submit - --json
  rehome submit sheet.csv --hold

任何一行有误则全部不发送。此前提交过的行，无论由谁、在此处或在工单界面提交，
都会找到原工单，不再操作，原工单已取消的也是如此：不会重复移机。
有被拒绝的，或指定 --wait 时有失败的，退出码为 1。",
    ),
    (
        "watch",
        "\
示例:
  rehome watch
  rehome watch LL-000702 --until-closed
  rehome watch --device gw-01
  rehome watch --status failed --json | jq .service_id

在终端中，进行中的工单显示在底部并实时更新。
系统暂时离开时会等待，其间发生的变化不会遗漏。",
    ),
    (
        "deploy",
        "\
示例:
  rehome deploy LL-000702
  rehome deploy LL-000702 LL-000703 --reason \"customer has agreed\"
  rehome deploy LL-000702 --plan 1c0b6a52e6b55d3a8f9d2c4a7e1f0b36
  rehome deploy 019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d4e --expect-version 7 --json

通过 HTTP 请求运行中的系统；有工单拒绝时退出码为 1，并说明原因。",
    ),
    (
        "force",
        "\
示例:
  rehome force reservation LL-000702 --reason \"port checked by phone\"
  rehome force completion LL-000702 --reason \"moved by hand\" --yes

先说明后果并询问，除非指定 --yes。",
    ),
    (
        "cancel",
        "\
示例:
  rehome cancel LL-000702 --reason \"customer stays\"",
    ),
    (
        "retry",
        "\
示例:
  rehome retry LL-000702 --reason \"card replaced\"
  rehome retry LL-000702 --plan 1c0b6a52e6b55d3a8f9d2c4a7e1f0b36 --reason \"VRF renamed, agreed\"",
    ),
    (
        "completions",
        "\
示例:
  rehome completions bash > /etc/bash_completion.d/rehome
  rehome completions zsh > ~/.zfunc/_rehome
  rehome completions fish > ~/.config/fish/completions/rehome.fish",
    ),
    (
        "list",
        "\
示例:
  rehome list --waiting
  rehome list --device gw-01 --status failed
  rehome list --data rehome-data/sheet --waiting
  rehome list --data rehome-data/sheet --status failed --json

最紧急的排在最前。只读；运行进行中也可使用。",
    ),
    (
        "lab",
        "\
示例:
  rehome lab up
  rehome lab up --name wide --gateways 2 --switches 2 --customers 4
  rehome lab status
  rehome lab down

需要 root 以及 scripts/setup 安装的软件包。`up` 写出设备清单和一份移动所有
客户的移机表，并说明如何运行、如何 ping。不同名称的实验网络可同时存在。",
    ),
    (
        "plan",
        "\
示例:
  rehome plan sheet.csv
  rehome plan sheet.csv --config site.toml --lines
  rehome plan SH-LL-000702
  rehome plan SH-LL-000702 --json

移机表的设备由本机查询，工单的设备由运行中的系统查询。每台设备列出现有配置，
以及预占、切换和各回滚将由此作出的改动。
有设备无法查询或会拒绝时，退出码为 1。",
    ),
    (
        "show",
        "\
示例:
  rehome show SH-LL-000702
  rehome show SH-LL-000702 --json
  rehome show --data rehome-data/sheet SH-LL-000702

只读；运行进行中也可使用。",
    ),
    (
        "export",
        "\
示例:
  rehome export SH-LL-000702 > ticket.jsonl
  rehome export --status failed > failed.csv
  rehome export --data rehome-data/sheet SH-LL-000702 | rehome replay -

只读；运行进行中也可使用。",
    ),
    (
        "replay",
        "\
示例:
  rehome replay ticket.jsonl
  rehome export --data rehome-data/sheet SH-LL-000702 | rehome replay -
  rehome replay ticket.jsonl --json

退出码：1 日志与转换表不一致，2 日志无法读取。",
    ),
    (
        "dead",
        "\
示例:
  rehome dead list
  rehome dead show 'amqp:crm:17#9f2c0d5e1b7a4c33'
  rehome dead resend 'amqp:crm:17#9f2c0d5e1b7a4c33' --reason \"the target is free now\"
  rehome dead drop 'amqp:crm:17#9f2c0d5e1b7a4c33' --reason \"sent by a test\"

通过 HTTP 访问运行中的系统。处理死信需要 supervisor 角色；死信会保留，
并记录由谁、因何、如何处理。",
    ),
    (
        "check",
        "\
示例:
  rehome check
  rehome check --config site.toml --data rehome-data/sheet
  rehome check --json
  rehome check --ready 127.0.0.1:8080

bus.kind 为 \"amqp\" 时检查消息服务器（amqp.url 所列每个节点）及其队列；
store.kind 为 \"postgres\" 时检查数据库，不检查目录。
有 devices.inventory 时逐一连接其中的设备。
存在问题时退出码为 1。",
    ),
    (
        "bench",
        "\
示例:
  rehome bench
  rehome bench -n 20000 --in-flight 512 --json
  rehome bench --full-sync
  rehome bench --bus amqp --store postgres --supervisors 2
  rehome bench --bus amqp --store postgres --compare
  rehome bench --bus amqp --store postgres --device-ms 200 --devices 64
  rehome bench --bus amqp --store postgres --tickets 1000000 --readers 20
  rehome bench --bus amqp --store postgres --lab outage --runs 20
  rehome bench --bus amqp --store postgres --lab parallel -n 200

使用 RabbitMQ（amqp.url）和 PostgreSQL（postgres.url）时，
建立专用的队列和表，结束时删除，按 Ctrl-C 后也一样。
实验网络也如此；它需要 root 权限，以及 scripts/setup 安装的软件包。",
    ),
    (
        "schema",
        "\
示例:
  rehome schema table                       转换表，Markdown 格式
  rehome schema table --lang zh
  rehome schema table --format json
  rehome schema diagram > diagram.svg       状态图，SVG 格式
  rehome schema diagram --format mermaid
  rehome schema asyncapi > asyncapi.json    全部消息，AsyncAPI 3.0
  rehome schema openapi > openapi.json      工单界面的接口，OpenAPI 3.1
  rehome schema tmf641 > tmf641.md          移机即 TMF641 服务订单",
    ),
];

pub(super) fn about(path: &str) -> Option<&'static str> {
    find(ABOUT, path)
}

pub(super) fn after(path: &str) -> Option<&'static str> {
    find(AFTER, path)
}

pub(super) fn arg(path: &str, name: &str) -> Option<&'static str> {
    [path, "*"].into_iter().find_map(|path| {
        ARGS.iter().find(|(at, given, _)| *at == path && *given == name).map(|(_, _, text)| *text)
    })
}

fn find(texts: &[(&str, &'static str)], path: &str) -> Option<&'static str> {
    texts.iter().find(|(at, _)| *at == path).map(|(_, text)| *text)
}
