using System.Reflection;

namespace KlingPS.Fuzz;

/// <summary>Something of the module that reads what others have written.</summary>
internal abstract class FuzzTarget : IDisposable
{
    /// <summary>The name on the command line, and the folder of its examples in <c>Corpus</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What the changed examples begin as.</summary>
    public IReadOnlyList<byte[]> Corpus => field ??= ReadCorpus(Name);

    /// <summary>Whether every input has to be JSON. Otherwise its bytes are changed as well.</summary>
    public virtual bool IsJson => false;

    /// <summary>Whether an exception is the target's way to say that an input is wrong.</summary>
    /// <param name="exception">What was thrown.</param>
    public virtual bool IsExpected(Exception exception) => exception is Core.KlingException;

    /// <summary>Reads an input as the module does.</summary>
    /// <param name="input">Any bytes.</param>
    /// <exception cref="BrokenPromiseException">What came out is something that the module promises never to make of it.</exception>
    public abstract Task ReadAsync(byte[] input);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool isDisposing)
    {
    }

    private static List<byte[]> ReadCorpus(string name)
    {
        Assembly assembly = typeof(FuzzTarget).Assembly;
        var corpus = new List<byte[]>();
        foreach (string resource in assembly.GetManifestResourceNames().Where(resource => resource.StartsWith(name + "/", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using Stream stream = assembly.GetManifestResourceStream(resource)!;
            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            corpus.Add(content);
        }

        return corpus.Count > 0 ? corpus : throw new InvalidOperationException($"There are no examples in Corpus/{name}.");
    }
}
