//! A Java class, assembled here because the headless runtime has no compiler (JVM specification, chapter 4):
//!
//! ```java
//! public class Clock {
//!     public static void main(String[] args) throws Exception {
//!         while (System.in.read() >= 0) {
//!             byte[] garbage = new byte[1 << 20];
//!             System.out.println(System.currentTimeMillis());
//!         }
//!     }
//! }
//! ```

#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    entries: u16,
}

impl Pool {
    fn entry(&mut self, tag: u8, contents: &[u8]) -> [u8; 2] {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(contents);
        self.entries += 1;
        self.entries.to_be_bytes()
    }
    fn utf8(&mut self, text: &str) -> [u8; 2] {
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        self.entry(1, &[&length, text.as_bytes()].concat())
    }
    fn class(&mut self, name: &str) -> [u8; 2] {
        let name = self.utf8(name);
        self.entry(7, &name)
    }
    /// A field (tag 9) or a method (tag 10).
    fn member(&mut self, tag: u8, class: &str, name: &str, descriptor: &str) -> [u8; 2] {
        let class = self.class(class);
        let name = self.utf8(name);
        let descriptor = self.utf8(descriptor);
        let both = self.entry(12, &[name, descriptor].concat());
        self.entry(tag, &[class, both].concat())
    }
}

/// The file.
pub(crate) fn clock_class() -> Vec<u8> {
    let mut pool = Pool::default();
    let this = pool.class("Clock");
    let parent = pool.class("java/lang/Object");
    let main = pool.utf8("main");
    let takes = pool.utf8("([Ljava/lang/String;)V");
    let code = pool.utf8("Code");
    let megabyte = pool.entry(3, &(1_u32 << 20).to_be_bytes());
    let input = pool.member(9, "java/lang/System", "in", "Ljava/io/InputStream;");
    let read = pool.member(10, "java/io/InputStream", "read", "()I");
    let output = pool.member(9, "java/lang/System", "out", "Ljava/io/PrintStream;");
    let now = pool.member(10, "java/lang/System", "currentTimeMillis", "()J");
    let print = pool.member(10, "java/io/PrintStream", "println", "(J)V");

    let instructions = [
        &[0xb2][..], // 0: getstatic
        &input,
        &[0xb6], // 3: invokevirtual
        &read,
        &[0x9b, 0, 20],       // 6: iflt 26
        &[0x12, megabyte[1]], // 9: ldc
        &[0xbc, 8],           // 11: newarray byte
        &[0x57],              // 13: pop
        &[0xb2],              // 14: getstatic
        &output,
        &[0xb8], // 17: invokestatic
        &now,
        &[0xb6], // 20: invokevirtual
        &print,
        &[0xa7, 0xff, 0xe9], // 23: goto 0
        &[0xb1],             // 26: return
    ]
    .concat();
    let mut body = vec![0, 3, 0, 1]; // the most on the stack, and in local variables
    body.extend(u32::try_from(instructions.len()).unwrap().to_be_bytes());
    body.extend(instructions);
    body.extend([0; 4]); // no handlers, no attributes

    // Version 49, the last that is verified without maps of the stack.
    let mut file = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 49];
    file.extend((pool.entries + 1).to_be_bytes());
    file.extend(pool.bytes);
    file.extend([0, 0x21]); // public, as all classes today
    file.extend(this);
    file.extend(parent);
    file.extend([0, 0, 0, 0, 0, 1]); // no interfaces, no fields, one method
    file.extend([0, 9]); // public static
    file.extend(main);
    file.extend(takes);
    file.extend([0, 1]);
    file.extend(code);
    file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    file.extend(body);
    file.extend([0, 0]);
    file
}
