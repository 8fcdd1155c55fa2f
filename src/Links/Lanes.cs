using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tracking.Links;

/// <summary>Words of 32 bits side by side in one vector register.</summary>
/// <typeparam name="T">The type itself.</typeparam>
internal interface ILanes<T> : IAdditionOperators<T, T, T>
    where T : unmanaged, ILanes<T>
{
    /// <summary>The number of words.</summary>
    static abstract int Count { get; }

    /// <summary>The same word in each lane.</summary>
    static abstract T Create(uint word);

    /// <summary>Exclusive or.</summary>
    static abstract T Xor(T a, T b);

    /// <summary>Exclusive or of three registers.</summary>
    static abstract T Xor(T a, T b, T c);

    /// <summary>Bits of <paramref name="one"/> where <paramref name="mask"/> has a one, otherwise bits of
    /// <paramref name="other"/>.</summary>
    static abstract T Select(T mask, T one, T other);

    /// <summary>Each word shifted, with zeros on the left.</summary>
    static abstract T ShiftRight(T words, [ConstantExpected] byte count);

    /// <summary>Each word rotated.</summary>
    static abstract T RotateRight(T words, [ConstantExpected] byte count);
}

/// <summary>Eight words, with AVX2 or its software replacement.</summary>
internal readonly struct EightLanes(Vector256<uint> words) : ILanes<EightLanes>
{
    /// <summary>The truth table of an exclusive or of three bits.</summary>
    internal const byte XorOfThree = 0b1001_0110;

    private readonly Vector256<uint> _words = words;

    public static int Count => Vector256<uint>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Create(uint word) => new(Vector256.Create(word));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes operator +(EightLanes a, EightLanes b) => new(a._words + b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Xor(EightLanes a, EightLanes b) => new(a._words ^ b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Xor(EightLanes a, EightLanes b, EightLanes c) =>
        Avx512F.VL.IsSupported
            ? new(Avx512F.VL.TernaryLogic(a._words, b._words, c._words, XorOfThree))
            : new(a._words ^ b._words ^ c._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Select(EightLanes mask, EightLanes one, EightLanes other) =>
        new(Vector256.ConditionalSelect(mask._words, one._words, other._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes ShiftRight(EightLanes words, [ConstantExpected] byte count) => new(words._words >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes RotateRight(EightLanes words, [ConstantExpected] byte count) => new(
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(words._words, count)
            : (words._words >>> count) | (words._words << (32 - count)));
}

/// <summary>Sixteen words, with AVX-512.</summary>
internal readonly struct SixteenLanes(Vector512<uint> words) : ILanes<SixteenLanes>
{
    private readonly Vector512<uint> _words = words;

    public static int Count => Vector512<uint>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Create(uint word) => new(Vector512.Create(word));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes operator +(SixteenLanes a, SixteenLanes b) => new(a._words + b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Xor(SixteenLanes a, SixteenLanes b) => new(a._words ^ b._words);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Xor(SixteenLanes a, SixteenLanes b, SixteenLanes c) =>
        new(Avx512F.TernaryLogic(a._words, b._words, c._words, EightLanes.XorOfThree));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Select(SixteenLanes mask, SixteenLanes one, SixteenLanes other) =>
        new(Vector512.ConditionalSelect(mask._words, one._words, other._words));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes ShiftRight(SixteenLanes words, [ConstantExpected] byte count) =>
        new(words._words >>> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes RotateRight(SixteenLanes words, [ConstantExpected] byte count) =>
        new(Avx512F.RotateRight(words._words, count));
}
