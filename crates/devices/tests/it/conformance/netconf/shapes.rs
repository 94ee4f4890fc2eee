//! The models that gateways are run with, one for each profile that comes with Rehome, and what other systems write in them.
//!
//! Beside what Debian ships (ietf-interfaces, ietf-ip, and the IETF's draft ietf-if-extensions) they are modules of our own
//! (`tests/it/yang`): the namespaces and the shape that a profile counts on, with the rules that can refuse an edit.

use rehome_lab::gateway::Model;

/// A model with two ports, `ge-0/0/1` and `ge-0/0/2`, both up, and the VRF `acme`. In what others write, the sub-interface is that of
/// the first port, in service, or that of the second, each with the tag 100.
pub(super) struct Shape {
    /// The profile for it.
    pub(super) profile: &'static str,
    /// Nothing: what the lab's gateways have by themselves.
    model: Option<Modules>,
    /// The first sub-interface, whole, and without a mark.
    pub(super) in_service: &'static str,
    /// The second one's description, `DESCRIPTION`, and nothing else of it.
    pub(super) described: &'static str,
    /// The second one, up, without an address.
    pub(super) half: &'static str,
    /// Another sub-interface of the second port with the same tag, where the model refuses a second one.
    pub(super) taken: Option<&'static str>,
    /// The second port being down, where the model can say that.
    pub(super) down: Option<&'static str>,
    /// Whether there are addresses of version 6.
    pub(super) v6: bool,
}

struct Modules {
    debian: &'static [&'static str],
    own: &'static [(&'static str, &'static str)],
    startup: &'static str,
}

impl Shape {
    /// What a gateway of it is started with.
    pub(super) fn model(&self) -> Option<Model> {
        let modules = self.model.as_ref()?;
        let own = modules.own.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let names = modules.debian.iter().chain(modules.own.iter().map(|(name, _)| name));
        Some(Model {
            loaded: names.map(|name| (*name).to_owned()).collect(),
            own: own.collect(),
            startup: modules.startup.to_owned(),
        })
    }
}

pub(super) const IETF_INTERFACES: Shape = Shape {
    profile: "ietf-interfaces",
    model: None,
    in_service: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>ge-0/0/1.100</name>
        <description>L-1 Acme</description><type xmlns:i="urn:ietf:params:xml:ns:yang:iana-if-type">i:l2vlan</type>
        <encapsulation xmlns="urn:rehome:yang:vlan"><parent>ge-0/0/1</parent><vlan-id>100</vlan-id></encapsulation>
        <vrf xmlns="urn:rehome:yang:vlan">acme</vrf><ipv4 xmlns="urn:ietf:params:xml:ns:yang:ietf-ip"><address><ip>192.0.2.1</ip>
        <prefix-length>30</prefix-length></address></ipv4></interface></interfaces>"#,
    described: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>ge-0/0/2.100</name>
        <description>DESCRIPTION</description><type xmlns:i="urn:ietf:params:xml:ns:yang:iana-if-type">i:l2vlan</type>
        </interface></interfaces>"#,
    half: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>ge-0/0/2.100</name>
        <description>DESCRIPTION</description><type xmlns:i="urn:ietf:params:xml:ns:yang:iana-if-type">i:l2vlan</type>
        <encapsulation xmlns="urn:rehome:yang:vlan"><parent>ge-0/0/2</parent><vlan-id>100</vlan-id></encapsulation>
        </interface></interfaces>"#,
    taken: Some(
        r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>other</name>
        <type xmlns:i="urn:ietf:params:xml:ns:yang:iana-if-type">i:l2vlan</type><encapsulation xmlns="urn:rehome:yang:vlan">
        <parent>ge-0/0/2</parent><vlan-id>100</vlan-id></encapsulation></interface></interfaces>"#,
    ),
    down: Some(
        r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>ge-0/0/2</name>
        <enabled>false</enabled></interface></interfaces>"#,
    ),
    v6: true,
};

pub(super) const IETF_IF_VLAN_ENCAPSULATION: Shape = Shape {
    profile: "ietf-if-vlan-encapsulation",
    model: Some(Modules {
        debian: &["ietf-interfaces", "ietf-ip", "iana-if-type", "ietf-if-extensions"],
        own: &[
            ("shape-ieee802-dot1q-types", include_str!("../../yang/shape-ieee802-dot1q-types.yang")),
            (
                "shape-ietf-if-vlan-encapsulation",
                include_str!("../../yang/shape-ietf-if-vlan-encapsulation.yang"),
            ),
            ("shape-ietf-network-instance", include_str!("../../yang/shape-ietf-network-instance.yang")),
        ],
        startup: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"
            xmlns:i="urn:ietf:params:xml:ns:yang:iana-if-type">
            <interface><name>ge-0/0/1</name><type>i:ethernetCsmacd</type></interface>
            <interface><name>ge-0/0/2</name><type>i:ethernetCsmacd</type></interface></interfaces>
            <network-instances xmlns="urn:ietf:params:xml:ns:yang:ietf-network-instance">
            <network-instance><name>acme</name></network-instance></network-instances>"#,
    }),
    in_service: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"
        xmlns:e="urn:ietf:params:xml:ns:yang:ietf-if-extensions"><interface><name>ge-0/0/1.100</name>
        <description>L-1 Acme</description><type>e:ethSubInterface</type><e:parent-interface>ge-0/0/1</e:parent-interface>
        <e:encapsulation><dot1q-vlan xmlns="urn:ietf:params:xml:ns:yang:ietf-if-vlan-encapsulation"
        xmlns:q="urn:ieee:std:802.1Q:yang:ieee802-dot1q-types"><outer-tag><tag-type>q:c-vlan</tag-type><vlan-id>100</vlan-id>
        </outer-tag></dot1q-vlan></e:encapsulation>
        <bind-ni-name xmlns="urn:ietf:params:xml:ns:yang:ietf-network-instance">acme</bind-ni-name>
        <ipv4 xmlns="urn:ietf:params:xml:ns:yang:ietf-ip"><address><ip>192.0.2.1</ip><prefix-length>30</prefix-length></address>
        </ipv4></interface></interfaces>"#,
    described: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"
        xmlns:e="urn:ietf:params:xml:ns:yang:ietf-if-extensions"><interface><name>ge-0/0/2.100</name>
        <description>DESCRIPTION</description><type>e:ethSubInterface</type>
        <e:parent-interface>ge-0/0/2</e:parent-interface></interface></interfaces>"#,
    half: r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"
        xmlns:e="urn:ietf:params:xml:ns:yang:ietf-if-extensions"><interface><name>ge-0/0/2.100</name>
        <description>DESCRIPTION</description><type>e:ethSubInterface</type><e:parent-interface>ge-0/0/2</e:parent-interface>
        <e:encapsulation><dot1q-vlan xmlns="urn:ietf:params:xml:ns:yang:ietf-if-vlan-encapsulation"
        xmlns:q="urn:ieee:std:802.1Q:yang:ieee802-dot1q-types"><outer-tag><tag-type>q:c-vlan</tag-type><vlan-id>100</vlan-id>
        </outer-tag></dot1q-vlan></e:encapsulation>
        <bind-ni-name xmlns="urn:ietf:params:xml:ns:yang:ietf-network-instance">acme</bind-ni-name></interface></interfaces>"#,
    taken: Some(
        r#"<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"
        xmlns:e="urn:ietf:params:xml:ns:yang:ietf-if-extensions"><interface><name>other</name>
        <type>e:ethSubInterface</type><e:parent-interface>ge-0/0/2</e:parent-interface>
        <e:encapsulation><dot1q-vlan xmlns="urn:ietf:params:xml:ns:yang:ietf-if-vlan-encapsulation"
        xmlns:q="urn:ieee:std:802.1Q:yang:ieee802-dot1q-types"><outer-tag><tag-type>q:c-vlan</tag-type><vlan-id>100</vlan-id>
        </outer-tag></dot1q-vlan></e:encapsulation></interface></interfaces>"#,
    ),
    // Debian's ietf-interfaces is older than where the profile looks for a port's state.
    down: None,
    v6: true,
};

pub(super) const OPENCONFIG: Shape = Shape {
    profile: "openconfig",
    model: Some(Modules {
        debian: &[],
        own: &[
            ("shape-openconfig-interfaces", include_str!("../../yang/shape-openconfig-interfaces.yang")),
            ("shape-openconfig-vlan", include_str!("../../yang/shape-openconfig-vlan.yang")),
            ("shape-openconfig-if-ip", include_str!("../../yang/shape-openconfig-if-ip.yang")),
            (
                "shape-openconfig-network-instance",
                include_str!("../../yang/shape-openconfig-network-instance.yang"),
            ),
        ],
        startup: r#"<interfaces xmlns="http://openconfig.net/yang/interfaces">
            <interface><name>ge-0/0/1</name><config><name>ge-0/0/1</name></config><state><oper-status>UP</oper-status></state>
            </interface>
            <interface><name>ge-0/0/2</name><config><name>ge-0/0/2</name></config><state><oper-status>UP</oper-status></state>
            </interface></interfaces>
            <network-instances xmlns="http://openconfig.net/yang/network-instance">
            <network-instance><name>default</name><config><name>default</name></config></network-instance>
            <network-instance><name>acme</name><config><name>acme</name></config></network-instance></network-instances>"#,
    }),
    in_service: r#"<interfaces xmlns="http://openconfig.net/yang/interfaces"><interface><name>ge-0/0/1</name><subinterfaces>
        <subinterface><index>100</index><config><index>100</index><description>L-1 Acme</description></config>
        <vlan xmlns="http://openconfig.net/yang/vlan"><match><single-tagged><config><vlan-id>100</vlan-id></config>
        </single-tagged></match></vlan><ipv4 xmlns="http://openconfig.net/yang/interfaces/ip"><addresses><address>
        <ip>192.0.2.1</ip><config><ip>192.0.2.1</ip><prefix-length>30</prefix-length></config></address></addresses></ipv4>
        </subinterface></subinterfaces></interface></interfaces>
        <network-instances xmlns="http://openconfig.net/yang/network-instance"><network-instance><name>acme</name><interfaces>
        <interface><id>ge-0/0/1.100</id><config><id>ge-0/0/1.100</id><interface>ge-0/0/1</interface>
        <subinterface>100</subinterface></config></interface></interfaces></network-instance></network-instances>"#,
    described: r#"<interfaces xmlns="http://openconfig.net/yang/interfaces"><interface><name>ge-0/0/2</name><subinterfaces>
        <subinterface><index>100</index><config><index>100</index><description>DESCRIPTION</description></config>
        </subinterface></subinterfaces></interface></interfaces>"#,
    half: r#"<interfaces xmlns="http://openconfig.net/yang/interfaces"><interface><name>ge-0/0/2</name><subinterfaces>
        <subinterface><index>100</index><config><index>100</index><description>DESCRIPTION</description></config>
        <vlan xmlns="http://openconfig.net/yang/vlan"><match><single-tagged><config><vlan-id>100</vlan-id></config>
        </single-tagged></match></vlan></subinterface></subinterfaces></interface></interfaces>
        <network-instances xmlns="http://openconfig.net/yang/network-instance"><network-instance><name>acme</name><interfaces>
        <interface><id>ge-0/0/2.100</id><config><id>ge-0/0/2.100</id><interface>ge-0/0/2</interface>
        <subinterface>100</subinterface></config></interface></interfaces></network-instance></network-instances>"#,
    taken: Some(
        r#"<interfaces xmlns="http://openconfig.net/yang/interfaces"><interface><name>ge-0/0/2</name><subinterfaces>
        <subinterface><index>7</index><config><index>7</index></config><vlan xmlns="http://openconfig.net/yang/vlan"><match>
        <single-tagged><config><vlan-id>100</vlan-id></config></single-tagged></match></vlan></subinterface></subinterfaces>
        </interface></interfaces>"#,
    ),
    down: Some(
        r#"<interfaces xmlns="http://openconfig.net/yang/interfaces"><interface><name>ge-0/0/2</name>
        <state><oper-status>DOWN</oper-status></state></interface></interfaces>"#,
    ),
    v6: true,
};

pub(super) const HUAWEI_VRP: Shape = Shape {
    profile: "huawei-vrp",
    model: Some(Modules {
        debian: &[],
        own: &[
            ("shape-huawei-ifm", include_str!("../../yang/shape-huawei-ifm.yang")),
            ("shape-huawei-ethernet", include_str!("../../yang/shape-huawei-ethernet.yang")),
            ("shape-huawei-l3vpn", include_str!("../../yang/shape-huawei-l3vpn.yang")),
        ],
        startup: r#"<ifm xmlns="http://www.huawei.com/netconf/vrp/huawei-ifm"><interfaces>
            <interface><ifName>ge-0/0/1</ifName><ifDynamicInfo><ifOperStatus>up</ifOperStatus></ifDynamicInfo></interface>
            <interface><ifName>ge-0/0/2</ifName><ifDynamicInfo><ifOperStatus>up</ifOperStatus></ifDynamicInfo></interface>
            </interfaces></ifm>
            <l3vpn xmlns="http://www.huawei.com/netconf/vrp/huawei-l3vpn"><l3vpncomm><l3vpnInstances>
            <l3vpnInstance><vrfName>acme</vrfName></l3vpnInstance></l3vpnInstances></l3vpncomm></l3vpn>"#,
    }),
    in_service: r#"<ifm xmlns="http://www.huawei.com/netconf/vrp/huawei-ifm"><interfaces><interface><ifName>ge-0/0/1.100</ifName>
        <ifParentIfName>ge-0/0/1</ifParentIfName><ifDescr>L-1 Acme</ifDescr><ipv4Config><am4CfgAddrs><am4CfgAddr>
        <ifIpAddr>192.0.2.1</ifIpAddr><subnetMask>255.255.255.252</subnetMask><addrType>main</addrType></am4CfgAddr></am4CfgAddrs>
        </ipv4Config></interface></interfaces></ifm>
        <ethernet xmlns="http://www.huawei.com/netconf/vrp/huawei-ethernet"><ethSubIfs><ethSubIf><ifName>ge-0/0/1.100</ifName>
        <flowType>VlanType</flowType><vlanTypeVid>100</vlanTypeVid></ethSubIf></ethSubIfs></ethernet>
        <l3vpn xmlns="http://www.huawei.com/netconf/vrp/huawei-l3vpn"><l3vpncomm><l3vpnInstances><l3vpnInstance>
        <vrfName>acme</vrfName><l3vpnIfs><l3vpnIf><ifName>ge-0/0/1.100</ifName></l3vpnIf></l3vpnIfs></l3vpnInstance>
        </l3vpnInstances></l3vpncomm></l3vpn>"#,
    described: r#"<ifm xmlns="http://www.huawei.com/netconf/vrp/huawei-ifm"><interfaces><interface><ifName>ge-0/0/2.100</ifName>
        <ifParentIfName>ge-0/0/2</ifParentIfName><ifDescr>DESCRIPTION</ifDescr></interface></interfaces></ifm>"#,
    half: r#"<ifm xmlns="http://www.huawei.com/netconf/vrp/huawei-ifm"><interfaces><interface><ifName>ge-0/0/2.100</ifName>
        <ifParentIfName>ge-0/0/2</ifParentIfName><ifDescr>DESCRIPTION</ifDescr></interface></interfaces></ifm>
        <ethernet xmlns="http://www.huawei.com/netconf/vrp/huawei-ethernet"><ethSubIfs><ethSubIf><ifName>ge-0/0/2.100</ifName>
        <flowType>QinqType</flowType><qinqTypePeVid>100</qinqTypePeVid></ethSubIf></ethSubIfs></ethernet>
        <l3vpn xmlns="http://www.huawei.com/netconf/vrp/huawei-l3vpn"><l3vpncomm><l3vpnInstances><l3vpnInstance>
        <vrfName>acme</vrfName><l3vpnIfs><l3vpnIf><ifName>ge-0/0/2.100</ifName></l3vpnIf></l3vpnIfs></l3vpnInstance>
        </l3vpnInstances></l3vpncomm></l3vpn>"#,
    // Nothing in its shape says of which port the tags are.
    taken: None,
    down: Some(
        r#"<ifm xmlns="http://www.huawei.com/netconf/vrp/huawei-ifm"><interfaces><interface><ifName>ge-0/0/2</ifName>
        <ifDynamicInfo><ifOperStatus>down</ifOperStatus></ifDynamicInfo></interface></interfaces></ifm>"#,
    ),
    v6: false,
};
