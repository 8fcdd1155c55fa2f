using System.Buffers;
using System.Text;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Tests.Mime;

/// <summary>Compares bodies of every line length with the framework's own base64.</summary>
public sealed class Base64BodiesTests
{
    public static TheoryData<int> LineLengths => [.. Enumerable.Range(1, 140), 512, 998, 20_000];

    [Theory]
    [MemberData(nameof(LineLengths))]
    public void A_body_decodes_to_what_was_encoded(int line)
    {
        var random = new Random(line);
        foreach (var length in (int[])[0, 1, 2, 3, 47, 48, 49, 57, 58, 1_000, 6_143, 6_144, 6_145, 30_000])
        {
            foreach (var lineBreak in (string[])["\r\n", "\n"])
            {
                var content = new byte[length];
                random.NextBytes(content);
                var body = Encoding.ASCII.GetBytes(Lines(Convert.ToBase64String(content), line, lineBreak) + lineBreak);
                var output = new byte[body.Length];

                Assert.Equal(length, Base64Body.Decode(body, output));
                Assert.Equal(content, output[..length]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(LineLengths))]
    public void One_wrong_character_anywhere_is_found(int line)
    {
        var random = new Random(line);
        var content = new byte[3_000];
        random.NextBytes(content);
        var body = Encoding.ASCII.GetBytes(Lines(Convert.ToBase64String(content), line, "\r\n"));
        foreach (var wrong in "-_=*\0\u0080\u00ff"u8.ToArray().Append((byte)0xc1))
        {
            var place = random.Next(body.Length - 4);
            while (body[place] is (byte)'\r' or (byte)'\n')
            {
                place++;
            }

            var broken = body.ToArray();
            broken[place] = wrong;
            Assert.Equal(-1, Base64Body.Decode(broken, new byte[body.Length]));
        }
    }

    [Theory]
    [MemberData(nameof(LineLengths))]
    public void Content_is_written_in_the_lines_that_were_there(int line)
    {
        var random = new Random(line);
        foreach (var length in (int[])[1, 2, 48, 57, 114, 1_000, 6_145, 20_000])
        {
            foreach (var lineBreak in (string[])["\r\n", "\n"])
            {
                var content = new byte[length];
                random.NextBytes(content);
                var lines = Lines(Convert.ToBase64String(content), line, lineBreak);
                var kept = random.Next(length / 3 + 1) * 3;
                var characters = kept / 3 * 4;
                var layout = new Base64Layout { LineLength = line, Column = characters % line };
                var start = characters + (characters / line * lineBreak.Length);
                var output = new ArrayBufferWriter<byte>();

                Base64Body.Write(content.AsSpan(kept), layout, Encoding.ASCII.GetBytes(lineBreak), output);

                // At the very end no text follows that needs another line.
                var expected = start >= lines.Length ? "" : lines[start..];
                Assert.Equal(expected, Encoding.ASCII.GetString(output.WrittenSpan));
            }
        }
    }

    private static string Lines(string text, int line, string lineBreak) =>
        string.Join(lineBreak, text.Chunk(line).Select(characters => new string(characters)));
}
