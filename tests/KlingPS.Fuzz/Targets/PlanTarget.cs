using System.Text;
using KlingPS.Core.Converting;

namespace KlingPS.Fuzz.Targets;

/// <summary>Plans that are to be carried out.</summary>
internal sealed class PlanTarget : FileTarget
{
    public override string Name => "plans";

    public override async Task ReadAsync(byte[] input)
    {
        string path = PathOf("plan.json");
        await File.WriteAllBytesAsync(path, input).ConfigureAwait(false);
        PlanDocument plan = PlanFile.Read(path);
        if (plan.Sealed().Digest != plan.Digest || !Encoding.UTF8.GetString(input).Contains(plan.Digest, StringComparison.Ordinal))
        {
            throw new BrokenPromiseException($"A plan was read that is not as it was written: {plan.Digest}.");
        }
    }
}
