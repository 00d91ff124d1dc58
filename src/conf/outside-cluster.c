/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-cluster.h"

#include "conf/outside-say.h"
#include "conf/outside-verb.h"

Outside outside_cluster_look(const char *name, char *const *argv, OutsideFinding *f) {
        static const OutsideProgram clusters[] = {
                { "kubectl", NULL,
                                "run create apply replace patch set edit scale autoscale rollout:restart "
                                "rollout:resume rollout:undo expose exec debug",
                                NULL, "-n --namespace --context --cluster --kubeconfig -s --server --user", NULL },
                { "oc", NULL,
                                "run create apply replace patch set scale new-app rollout:latest start-build exec rsh "
                                "debug",
                                NULL, "-n --namespace --context --cluster --kubeconfig -s --server --user", NULL },
                { "helm", NULL, "install upgrade rollback", NULL, "-n --namespace --kube-context --kubeconfig", NULL },
                { "nomad", NULL, "run job:run job:start job:scale job:dispatch job:restart alloc:exec exec", NULL, "",
                                NULL },
                { "argo", NULL, "submit resubmit retry resume cron:create", NULL, "-n --namespace --context", NULL },
                { "tkn", NULL, "pipeline:start task:start clustertask:start", NULL, "-n --namespace -c --context",
                                NULL },
                { "ray", NULL, "job:submit submit exec", NULL, "", NULL },
                { "flink", NULL, "run run-application", NULL, "", NULL },
                { "yarn", NULL, "jar", NULL, "", NULL },
                { "aws", NULL,
                                "ecs:run-task ecs:start-task ecs:create-service ecs:update-service batch:submit-job "
                                "ssm:send-command ssm:start-automation-execution stepfunctions:start-execution",
                                NULL, "--region --profile --output --endpoint-url", NULL },
                { "gcloud", NULL, "run:jobs run:deploy builds:submit", NULL, "--project --account --region", NULL },
                { "az", NULL, "container:create container:start container:restart", NULL, "", NULL },
                { "kubeadm", NULL, "init join", NULL, "", NULL },
                { "fleetctl", NULL, "start submit load", NULL, "", NULL },
                { "pcs", NULL, "resource:enable resource:create resource:move resource:restart cluster:start", NULL,
                                "-f", NULL },
                { "crm", NULL, "resource:start resource:restart resource:move cluster:start", NULL, "", NULL },
        };
        static const char *const submitting[] = { "sbatch", "srun", "qsub", "bsub", "condor_submit" };
        static const char mend[] =
                        "what it starts is run by another cluster, and no lease ends that; start the program "
                        "itself here";
        char verb[64];

        for (size_t i = 0; i < ELEMENTSOF(submitting); i++)
                if (streq(name, submitting[i]) && argv[1] && !outside_asks_for_help(argv)) {
                        outside_say_what(f, name, NULL);
                        return outside_say(f, mend);
                }
        for (size_t i = 0; i < ELEMENTSOF(clusters); i++) {
                if (!streq(name, clusters[i].name))
                        continue;
                (void) outside_verb_find(clusters + i, argv, verb, sizeof(verb));
                if (!outside_verb_is_known(clusters + i, verb))
                        break;
                outside_say_what(f, name, verb);
                return outside_say(f, mend);
        }
        return OUTSIDE_NO;
}
