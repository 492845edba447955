namespace KlingPS.Core.Converting;

/// <summary>Counts where the images of a batch are. Safe for use from several threads.</summary>
internal sealed class ConversionTally
{
    private readonly object _lock = new();

    /// <summary>The counts at this moment.</summary>
    public ConversionCounts Counts { get; private set; } = new();

    /// <summary>Some image has moved on.</summary>
    public event Action? Changed;

    /// <summary>Moves an image from one place to another, or counts credits.</summary>
    public void Update(Func<ConversionCounts, ConversionCounts> change)
    {
        lock (_lock)
        {
            Counts = change(Counts);
        }

        Changed?.Invoke();
    }
}
