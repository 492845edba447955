namespace KlingPS.Bench.Engine;

/// <summary>What a client process reports about itself, as JSON.</summary>
internal sealed record ClientReport
{
    /// <summary>When the first image was passed in.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>From then until the last video was on disk.</summary>
    public required double Seconds { get; init; }

    /// <summary>Processor time in that span, all threads.</summary>
    public required double CpuMilliseconds { get; init; }

    /// <summary>When each video was on disk, by the service's id of its task.</summary>
    public required IReadOnlyDictionary<string, DateTimeOffset> Saved { get; init; }

    /// <summary>What went wrong.</summary>
    public required IReadOnlyList<string> Errors { get; init; }

    /// <summary>From the first image until all tasks were being waited for; <see langword="null"/> where they were not held.</summary>
    public double? SecondsToFlight { get; init; }

    /// <summary>How many tasks were being waited for when the memory was measured.</summary>
    public int InFlight { get; init; }

    /// <summary>Resident memory before the first image, and the most after it, in bytes.</summary>
    public required Growth Resident { get; init; }

    /// <summary>The managed heap before the first image, and the most after it, in bytes.</summary>
    public required Growth Heap { get; init; }

    internal sealed record Growth(long Before, long Most)
    {
        public double MiB => (Most - Before) / 1048576.0;
    }
}
