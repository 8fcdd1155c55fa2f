namespace Tracking.Links.International;

/// <summary>The validity criteria of UTS #46 (4.1), as the WHATWG URL standard sets their flags: CheckHyphens=false,
/// CheckJoiners=true, CheckBidi=true, UseSTD3ASCIIRules=false.</summary>
internal static class CheckLabel
{
    private const int NonJoiner = 0x200c;
    private const int Joiner = 0x200d;

    /// <summary>Whether a label is valid. The label must be in NFC; an empty label is accepted.</summary>
    /// <param name="label">The label's code points; an A-label decoded.</param>
    /// <param name="isBidiDomain">Whether any label of the name is written from right to left.</param>
    public static bool IsValid(ReadOnlySpan<int> label, bool isBidiDomain)
    {
        if (label.IsEmpty)
        {
            return true;
        }

        if (StartsLikeALabel(label) || CharacterTable.Of(label[0]).IsMark)
        {
            return false;
        }

        for (var i = 0; i < label.Length; i++)
        {
            if (CharacterTable.Of(label[i]).Status != CharacterStatus.Valid
                || (label[i] is NonJoiner or Joiner && !MayJoin(label, i)))
            {
                return false;
            }
        }

        return !isBidiDomain || KeepsBidiRule(label);
    }

    /// <summary>Whether a label begins with <c>xn--</c>.</summary>
    public static bool StartsLikeALabel(ReadOnlySpan<int> label) => label.StartsWith(['x', 'n', '-', '-']);

    /// <summary>Whether the characters make their domain a Bidi domain (RFC 5893 1.4).</summary>
    public static bool IsRightToLeft(ReadOnlySpan<int> label)
    {
        foreach (var character in label)
        {
            if (CharacterTable.Of(character).Bidi is BidiClass.R or BidiClass.AL or BidiClass.AN)
            {
                return true;
            }
        }

        return false;
    }

    // RFC 5892 appendix A.1 and A.2.
    private static bool MayJoin(ReadOnlySpan<int> label, int place)
    {
        if (place > 0 && CharacterTable.Of(label[place - 1]).IsVirama)
        {
            return true;
        }

        if (label[place] == Joiner)
        {
            return false;
        }

        var (before, behind) = (place - 1, place + 1);
        while (before >= 0 && CharacterTable.Of(label[before]).Joining == JoiningType.Transparent)
        {
            before--;
        }

        while (behind < label.Length && CharacterTable.Of(label[behind]).Joining == JoiningType.Transparent)
        {
            behind++;
        }

        return before >= 0 && behind < label.Length
            && CharacterTable.Of(label[before]).Joining is JoiningType.Left or JoiningType.Dual
            && CharacterTable.Of(label[behind]).Joining is JoiningType.Right or JoiningType.Dual;
    }

    // RFC 5893 section 2.
    private static bool KeepsBidiRule(ReadOnlySpan<int> label)
    {
        var first = CharacterTable.Of(label[0]).Bidi;
        if (first is not (BidiClass.L or BidiClass.R or BidiClass.AL))
        {
            return false;
        }

        var isLeftToRight = first == BidiClass.L;
        var (hasEuropean, hasArabic) = (false, false);
        var last = BidiClass.Other;
        foreach (var character in label)
        {
            var bidi = CharacterTable.Of(character).Bidi;
            var isAllowed = bidi switch
            {
                BidiClass.L => isLeftToRight,
                BidiClass.R or BidiClass.AL or BidiClass.AN => !isLeftToRight,
                BidiClass.Other => false,
                _ => true,
            };
            if (!isAllowed)
            {
                return false;
            }

            hasEuropean |= bidi == BidiClass.EN;
            hasArabic |= bidi == BidiClass.AN;
            last = bidi == BidiClass.NSM ? last : bidi;
        }

        return isLeftToRight
            ? last is BidiClass.L or BidiClass.EN
            : last is BidiClass.R or BidiClass.AL or BidiClass.EN or BidiClass.AN && !(hasEuropean && hasArabic);
    }
}
