using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Mime;

namespace Tracking.Rewrite.Messages;

/// <summary>A base64 body with changes.</summary>
/// <param name="Content">The decoded content, in pooled memory.</param>
/// <param name="Length">The content's length.</param>
/// <param name="Layout">The layout of the body's lines.</param>
/// <param name="KeptContent">The number of decoded octets that the unchanged raw bytes hold.</param>
/// <param name="BodyStart">The body's start in the message.</param>
/// <param name="Splices">The changes, in the decoded content.</param>
internal sealed record Base64Part(
    byte[] Content, int Length, Base64Layout Layout, int KeptContent, int BodyStart, Splice[] Splices);
