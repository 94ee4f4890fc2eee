//! A client that sends bytes no honest library would: just enough AMQP to publish properties that are no text.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub(crate) struct Raw(TcpStream);

impl Raw {
    /// Connects as guest to the broker of a URL as [`rehome_testkit::broker::Vhost::url`] gives it.
    pub(crate) fn connect(url: &str) -> Self {
        let (_, place) = url.rsplit_once('@').unwrap();
        let (server, vhost) = place.split_once('/').unwrap();
        let mut raw = Self(TcpStream::connect(server).unwrap());
        raw.0.write_all(b"AMQP\0\0\x09\x01").unwrap();
        raw.expect(10, 10);
        let start =
            [&[0, 0, 0, 0][..], &short(b"PLAIN"), &long(b"\0guest\0guest"), &short(b"en_US")].concat();
        raw.method(0, 10, 11, &start);
        raw.expect(10, 30);
        raw.method(0, 10, 31, &[0, 16, 0, 1, 0, 0, 0, 0]);
        raw.method(0, 10, 40, &[short(vhost.as_bytes()), short(b""), vec![0]].concat());
        raw.expect(10, 41);
        raw.method(1, 20, 10, &short(b""));
        raw.expect(20, 11);
        raw.method(1, 85, 10, &[0]);
        raw.expect(85, 11);
        raw
    }

    /// Publishes a body with a message id and a type of any bytes, and waits for the confirm.
    pub(crate) fn publish(&mut self, exchange: &str, key: &[u8], id: &[u8], kind: &[u8], body: &[u8]) {
        let publish = [&[0, 0][..], &short(exchange.as_bytes()), &short(key), &[0]].concat();
        self.method(1, 60, 40, &publish);
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        let flags = ((1_u16 << 7) | (1 << 5)).to_be_bytes();
        let header = [&[0, 60, 0, 0][..], &size, &flags, &short(id), &short(kind)].concat();
        self.frame(2, 1, &header);
        self.frame(3, 1, body);
        self.expect(60, 80);
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat();
        self.frame(1, channel, &payload);
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size, payload, &[0xCE]].concat();
        self.0.write_all(&frame).unwrap();
    }

    fn expect(&mut self, class: u16, method: u16) {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).unwrap();
        let size = u32::from_be_bytes(head[3..7].try_into().unwrap());
        let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
        self.0.read_exact(&mut payload).unwrap();
        let got =
            (u16::from_be_bytes([payload[0], payload[1]]), u16::from_be_bytes([payload[2], payload[3]]));
        assert_eq!(got, (class, method));
    }
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()][..], text].concat()
}

fn long(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}
